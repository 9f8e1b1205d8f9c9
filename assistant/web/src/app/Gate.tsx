import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { beginVisit } from "../api/client";
import { asProblem } from "../api/problem";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Loading } from "../ui/Spinner";
import css from "./Gate.module.css";
import { useInfo, useWatchedLogin } from "./info";
import { LogIn } from "./LogIn";

/**
 * The page once it is known who asks; before that, the field for the key or what is in the way. Where the shop takes
 * visitors, whoever has no key becomes one; a browser that keeps no cookie is asked for a key.
 */
export function Gate({ children }: { children: ReactNode }) {
  const t = useMessages();
  useWatchedLogin();
  const { data, error, refetch } = useInfo();
  const visit = useMutation({ mutationFn: beginVisit, onSettled: () => refetch() });
  const unknown = data?.auth === "key" && !data.user;
  const mayVisit = unknown && data.visitors && visit.isIdle;
  useEffect(() => {
    if (mayVisit) visit.mutate();
  }, [mayVisit, visit.mutate]);
  if (mayVisit || visit.isPending) return <Loading />;
  if (data) return unknown ? <LogIn /> : children;
  if (!error) return <Loading />;
  return (
    <div className={css.center}>
      <Notice kind="problem" action={<Button onPress={() => refetch()}>{t.retry}</Button>}>
        {sentence(asProblem(error), t)}
      </Notice>
    </div>
  );
}
