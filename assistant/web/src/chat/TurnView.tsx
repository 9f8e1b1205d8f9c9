import { sendFeedback } from "../api/client";
import type { Draft } from "../api/stream";
import type { Question } from "../api/types";
import { useDeveloper } from "../app/choices";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Button, buttonClass } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { AnswerTools } from "./AnswerTools";
import { Cards } from "./Cards";
import { Comparison } from "./Comparison";
import { draftOf, sayAgain } from "./conversations";
import type { Given } from "./evidence";
import { Making } from "./Making";
import { Notes } from "./Notes";
import { Said } from "./Said";
import css from "./TurnView.module.css";
import type { Turn } from "./turn";
import { Working } from "./Working";

interface Props {
  sessionId: string;
  turn: Turn;
  given: Given;
  isLast: boolean;
  isLastRanking: boolean;
  onSay: (draft: Draft) => void;
  onEdit: (turn: Turn) => void;
}

/** One message and its answer. */
export function TurnView({ sessionId, turn, given, isLast, isLastRanking, onSay, onEdit }: Props) {
  const t = useMessages();
  const isDeveloper = useDeveloper();
  const { reply } = turn;
  const isComparison = reply?.intent === "compare" && turn.cards.length > 1;
  return (
    <li className={css.turn} data-status={turn.status}>
      <Said turn={turn} onEdit={isLast && turn.status !== "running" ? () => onEdit(turn) : undefined} />
      <article className={css.answer} aria-label={t.chat.assistant} aria-busy={turn.status === "running"}>
        {turn.status === "running" && <Working turn={turn} />}
        {reply && !isComparison && (
          <p className={css.message} lang={reply.language}>
            {reply.message}
          </p>
        )}
        {reply?.cart?.url && (
          <p>
            <a className={buttonClass({ look: "primary" })} href={reply.cart.url} target="_blank" rel="noreferrer">
              {t.chat.cart(reply.cart.title)}
            </a>
          </p>
        )}
        {isComparison ? (
          <Comparison
            cards={turn.cards}
            language={reply?.language}
            onFollow={(itemId, to) => sendFeedback(sessionId, itemId, to === "cart" ? "cart" : "view").catch(() => {})}
          />
        ) : (
          <Cards sessionId={sessionId} turn={turn} given={given} isLastRanking={isLastRanking} onSay={onSay} />
        )}
        {turn.question && <Asked turn={turn} question={turn.question} isLast={isLast} onSay={onSay} />}
        {reply && <Notes reply={reply} />}
        <Ending sessionId={sessionId} turn={turn} />
        {reply && <AnswerTools sessionId={sessionId} turn={turn} reply={reply} />}
        {isDeveloper && turn.status !== "running" && <Making steps={turn.steps} reply={reply} />}
      </article>
    </li>
  );
}

interface AskedProps extends Pick<Props, "turn" | "isLast" | "onSay"> {
  question: Question;
}

/** What the assistant asks back, and short answers to it, which can be given when the turn has ended. */
function Asked({ turn, question, isLast, onSay }: AskedProps) {
  return (
    <div className={css.asked} lang={turn.reply?.language}>
      <p className={css.message}>{question.text}</p>
      {isLast && question.choices.length > 0 && (
        <p className={css.choices}>
          {question.choices.map((choice) => (
            <Button
              key={choice}
              isDisabled={turn.status === "running"}
              onClick={() => onSay({ text: choice, images: [], audio: [], video: [], dropped: [] })}
            >
              {choice}
            </Button>
          ))}
        </p>
      )}
    </div>
  );
}

/** Why there is no full answer, and the way to ask again. */
function Ending({ sessionId, turn }: { sessionId: string; turn: Turn }) {
  const t = useMessages();
  if (turn.status !== "failed" && turn.status !== "stopped") return null;
  const again = draftOf(turn.messageId) && (
    <Button small onPress={() => sayAgain(sessionId, turn.messageId)}>
      {t.chat.again}
    </Button>
  );
  if (turn.status === "stopped") {
    return (
      <Notice kind="warning" action={again}>
        {t.chat.stopped}
      </Notice>
    );
  }
  const lost = turn.problem?.status === 404 || turn.problem?.status === 499;
  return (
    <Notice kind="problem" action={again}>
      {lost || !turn.problem ? t.problems.interrupted : sentence(turn.problem, t)}
    </Notice>
  );
}
