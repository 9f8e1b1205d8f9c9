import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
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
  onEdit: (turn: Turn) => void;
}

/** The conversation. A new turn is brought to the top, and its answer grows below without moving what is read. */
export function Thread({ sessionId, turns, onSay, onEdit }: Props) {
  const t = useMessages();
  const scroller = useRef<HTMLElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const last = turns.at(-1)?.messageId;
  // The assistant understands "the second one" of its last ranking only.
  const ranking = turns.findLast((turn) => turn.reply?.intent === "recommend" && turn.cards.length)?.messageId;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new turn, or another conversation, is what moves it
  useLayoutEffect(() => {
    list.current?.lastElementChild?.scrollIntoView({ block: "start" });
  }, [last, sessionId]);

  useSteadyEnd(scroller, list);

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={css.scroller} ref={scroller} aria-label={t.chat.conversation} tabIndex={0}>
      <ol className={css.thread} ref={list}>
        {turns.map((turn, index) => (
          <TurnView
            key={turn.messageId}
            sessionId={sessionId}
            turn={turn}
            given={givenUpTo(turns, index)}
            isLast={turn.messageId === last}
            isLastRanking={turn.messageId === ranking}
            onSay={onSay}
            onEdit={onEdit}
          />
        ))}
      </ol>
    </section>
  );
}

/** Who reads the last turn goes on at the same place when what stands above it grows or shrinks. */
function useSteadyEnd(scroller: RefObject<HTMLElement | null>, list: RefObject<HTMLOListElement | null>) {
  useEffect(() => {
    if (!scroller.current || !list.current) return;
    const [frame, turns] = [scroller.current, list.current];
    const find = () => ({ turn: turns.lastElementChild, top: (turns.lastElementChild as HTMLElement).offsetTop });
    let kept = find();
    const observer = new ResizeObserver(() => {
      const found = find();
      if (found.turn === kept.turn && frame.scrollTop >= kept.top - 1) frame.scrollTop += found.top - kept.top;
      kept = found;
    });
    observer.observe(turns);
    return () => observer.disconnect();
  }, [scroller, list]);
}
