import { LoaderCircle } from "lucide-react";
import { useMessages } from "../i18n";
import css from "./Spinner.module.css";

export function Spinner({ size = 18 }: { size?: number }) {
  return <LoaderCircle className={css.spinner} size={size} aria-hidden />;
}

export function Loading() {
  return (
    <p className={css.loading} role="status">
      <Spinner />
      {useMessages().loading}
    </p>
  );
}
