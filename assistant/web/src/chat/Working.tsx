import { useEffect, useState } from "react";
import { useMessages } from "../i18n";
import { Spinner } from "../ui/Spinner";
import type { Turn } from "./turn";
import css from "./Working.module.css";

/** Says that the answer is on its way and for how long already. */
export function Working({ turn: { startedAt, cards, settled } }: { turn: Turn }) {
  const t = useMessages();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <p className={css.working}>
      <Spinner />
      {t.chat.thinking}
      <span className={css.muted}>{t.steps.elapsed(Math.max(0, Math.round((now - startedAt) / 1000)))}</span>
      {cards.length > 0 && <span className={css.muted}>· {settled ? t.cards.settled : t.cards.provisional}</span>}
    </p>
  );
}
