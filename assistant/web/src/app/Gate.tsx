import type { ReactNode } from "react";
import { asProblem } from "../api/problem";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Loading } from "../ui/Spinner";
import css from "./Gate.module.css";
import { useInfo, useWatchedLogin } from "./info";
import { LogIn } from "./LogIn";

/** The page once it is known who asks; before that, the field for the key or what is in the way. */
export function Gate({ children }: { children: ReactNode }) {
  const t = useMessages();
  useWatchedLogin();
  const { data, error, refetch } = useInfo();
  if (data) return data.auth === "key" && !data.user ? <LogIn /> : children;
  if (!error) return <Loading />;
  return (
    <div className={css.center}>
      <Notice kind="problem" action={<Button onPress={() => refetch()}>{t.retry}</Button>}>
        {sentence(asProblem(error), t)}
      </Notice>
    </div>
  );
}
