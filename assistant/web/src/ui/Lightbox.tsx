import { ChevronLeft, ChevronRight, X, ZoomIn, ZoomOut } from "lucide-react";
import { useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useMessages } from "../i18n";
import { IconButton } from "./Button";
import css from "./Lightbox.module.css";
import { Photo } from "./Photo";

interface Props {
  itemId: string;
  title: string;
  /** Addresses of the item's pictures. */
  urls: string[];
  /** Shown in the page, in pixels. */
  width: number;
  /** Which one is shown in the page. */
  first?: number;
}

/** An item's photo; pressed, it opens all of them over the page, larger. */
export function ZoomPhoto({ itemId, title, urls, width, first = 0 }: Props) {
  const t = useMessages();
  const [isOpen, setOpen] = useState(false);
  const photo = <Photo itemId={itemId} src={urls[first] ?? null} alt={t.cards.photoOf(title)} width={width} eager />;
  if (!urls.length) return photo;
  return (
    <>
      <button type="button" className={css.open} aria-label={t.photo.enlarge(title)} onClick={() => setOpen(true)}>
        {photo}
        {urls.length > 1 && (
          <span className={css.count} aria-hidden>
            {first + 1} / {urls.length}
          </span>
        )}
      </button>
      <ModalOverlay className={css.veil ?? ""} isOpen={isOpen} onOpenChange={setOpen} isDismissable>
        <Modal className={css.box ?? ""}>
          <Large title={title} urls={urls} first={first} onClose={() => setOpen(false)} />
        </Modal>
      </ModalOverlay>
    </>
  );
}

interface LargeProps extends Pick<Props, "title" | "urls"> {
  first: number;
  onClose: () => void;
}

/** One picture as large as the window or twice that; the arrow keys go to the others. */
function Large({ title, urls, first, onClose }: LargeProps) {
  const t = useMessages();
  const [shown, setShown] = useState(first);
  const [isLarge, setLarge] = useState(false);
  const go = (by: number) => setShown((before) => (before + by + urls.length) % urls.length);
  const words = urls.length > 1 ? `${title} (${t.photo.of(shown + 1, urls.length)})` : title;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the dialog passes its keys on, and has none of its own for this
    <div
      className={css.keys}
      onKeyDown={({ key }) => {
        if (key === "ArrowLeft") go(-1);
        if (key === "ArrowRight") go(1);
      }}
    >
      <Dialog className={css.dialog ?? ""}>
        <div className={css.bar}>
          <Heading slot="title" level={2} aria-live="polite">
            {words}
          </Heading>
          {urls.length > 1 && (
            <>
              <IconButton label={t.photo.previous} onPress={() => go(-1)}>
                <ChevronLeft size={22} aria-hidden />
              </IconButton>
              <IconButton label={t.photo.next} onPress={() => go(1)}>
                <ChevronRight size={22} aria-hidden />
              </IconButton>
            </>
          )}
          <IconButton label={isLarge ? t.photo.smaller : t.photo.larger} onPress={() => setLarge(!isLarge)}>
            {isLarge ? <ZoomOut size={20} aria-hidden /> : <ZoomIn size={20} aria-hidden />}
          </IconButton>
          <IconButton label={t.close} onPress={onClose}>
            <X size={22} aria-hidden />
          </IconButton>
        </div>
        <div className={css.frame} data-large={isLarge} tabIndex={isLarge ? 0 : undefined}>
          <img src={isLarge ? urls[shown] : `${urls[shown]}?width=1280`} alt={t.cards.photoOf(words)} />
        </div>
      </Dialog>
    </div>
  );
}
