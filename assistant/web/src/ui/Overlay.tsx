import type { ReactNode } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import css from "./Overlay.module.css";

interface Props {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  actions: ReactNode;
  role?: "dialog" | "alertdialog";
}

/** A dialog over the page: a title, content, and buttons. */
export function Overlay({ title, isOpen, onClose, children, actions, role = "dialog" }: Props) {
  return (
    <ModalOverlay
      className={css.veil ?? ""}
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable={role === "dialog"}
    >
      <Modal className={css.box ?? ""}>
        <Dialog className={css.dialog ?? ""} role={role}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
          <div className={css.actions}>{actions}</div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
