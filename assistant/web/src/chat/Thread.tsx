import { useLayoutEffect, useRef } from "react";
import type { Draft } from "../api/stream";
import { useMessages } from "../i18n";
import { givenUpTo } from "./evidence";
import css from "./Thread.module.css";
import { TurnView } from "./TurnView";
import type { Turn } from "./turn";

interface Props {
  sessionId: string;
  turns: Turn[];
  onSay: (draft: Draft) => void;
}

/** The conversation. A new turn is brought to the top, and its answer grows below without moving what is read. */
export function Thread({ sessionId, turns, onSay }: Props) {
  const t = useMessages();
  const list = useRef<HTMLOListElement>(null);
  const last = turns.at(-1)?.messageId;
  // The assistant understands "the second one" of its last ranking only.
  const ranking = turns.findLast((turn) => turn.reply?.intent === "recommend" && turn.cards.length)?.messageId;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new turn, or another conversation, is what moves it
  useLayoutEffect(() => {
    list.current?.lastElementChild?.scrollIntoView({ block: "start" });
  }, [last, sessionId]);

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={css.scroller} aria-label={t.chat.conversation} tabIndex={0}>
      <ol className={css.thread} ref={list}>
        {turns.map((turn, index) => (
          <TurnView
            key={turn.messageId}
            sessionId={sessionId}
            turn={turn}
            given={givenUpTo(turns, index)}
            isLastRanking={turn.messageId === ranking}
            onSay={onSay}
          />
        ))}
      </ol>
    </section>
  );
}
