import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { stepNow, type Turn } from "./turn";

/** Tells screen readers what happens, as it happens. */
export function Announcer({ turn }: { turn: Turn | undefined }) {
  const t = useMessages();
  return (
    <div className="visually-hidden" role="status" data-testid="announcer">
      {turn && announcement(turn, t)}
    </div>
  );
}

function announcement(turn: Turn, t: ReturnType<typeof useMessages>): string {
  const step = stepNow(turn);
  if (turn.status === "failed") return turn.problem ? sentence(turn.problem, t) : "";
  if (turn.status === "stopped") return t.chat.stopped;
  if (turn.reply) {
    const done = turn.cards.length ? t.chat.done(turn.cards.length) : "";
    return [done, turn.reply.message, turn.question?.text].filter(Boolean).join(" ");
  }
  if (turn.question) return turn.question.text;
  return step ? (t.steps.names[step.step] ?? step.step) : t.chat.thinking;
}
