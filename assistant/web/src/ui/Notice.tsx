import { CircleAlert, Info } from "lucide-react";
import type { ReactNode } from "react";
import css from "./Notice.module.css";

interface Props {
  kind: "problem" | "warning";
  children: ReactNode;
  action?: ReactNode;
}

/** One sentence that must not be missed; a problem is also told to screen readers at once. */
export function Notice({ kind, children, action }: Props) {
  const Icon = kind === "problem" ? CircleAlert : Info;
  return (
    <div className={`${css.notice} ${css[kind]}`} role={kind === "problem" ? "alert" : undefined}>
      <Icon size={18} aria-hidden />
      <div className={css.text}>{children}</div>
      {action}
    </div>
  );
}
