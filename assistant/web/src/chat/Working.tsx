import { useEffect, useState } from "react";
import { useDeveloper } from "../app/choices";
import { useMessages } from "../i18n";
import { Spinner } from "../ui/Spinner";
import { stepNow, type Turn } from "./turn";
import css from "./Working.module.css";

/** One line of what is being done now and what the cards are so far; for developers with the words and the seconds. */
export function Working({ turn }: { turn: Turn }) {
  const t = useMessages();
  const isDeveloper = useDeveloper();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const step = stepNow(turn);
  const seconds = Math.max(0, Math.round((now - turn.startedAt) / 1000));
  return (
    <p className={css.working}>
      <Spinner />
      <span className={css.now}>
        {step ? (t.steps.names[step.step] ?? step.step) : t.chat.thinking}
        {isDeveloper && step?.query && ` ${t.steps.for(step.query)}`}
      </span>
      {isDeveloper && <span className={css.seconds}>{t.steps.elapsed(seconds)}</span>}
      {turn.cards.length > 0 && (
        <span className={css.cards}>· {turn.settled ? t.cards.settled : t.cards.provisional}</span>
      )}
    </p>
  );
}
