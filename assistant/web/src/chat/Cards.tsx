import { useAutoAnimate } from "@formkit/auto-animate/react";
import { GitCompareArrows } from "lucide-react";
import { type ReactNode, useState } from "react";
import { sendFeedback } from "../api/client";
import type { Draft } from "../api/stream";
import type { FeedbackEvent, Group } from "../api/types";
import { useMessages } from "../i18n";
import { Button } from "../ui/Button";
import { Card } from "./Card";
import css from "./Cards.module.css";
import { useShownChanges } from "./changes";
import type { Given } from "./evidence";
import { useFurther } from "./further";
import { noteOpinion, useOpinions } from "./opinions";
import { type CardView, sections, type Turn } from "./turn";
import { ViewBar } from "./ViewBar";
import { AS_RANKED, viewed } from "./view";

interface Props {
  sessionId: string;
  turn: Turn;
  given: Given;
  isLastRanking: boolean;
  onSay: (draft: Draft) => void;
}

/** A list of cards; of several wishes with the wish as its heading, and what is to be said of it. */
function Section({ group, language, children }: { group: Group | null; language?: string; children: ReactNode[] }) {
  const t = useMessages();
  const [list] = useAutoAnimate();
  return (
    <section className={css.cards} aria-label={group?.wish}>
      {group && (
        <h2 className={css.wish} lang={language}>
          {group.wish}
        </h2>
      )}
      {group?.message && <p lang={language}>{group.message}</p>}
      {children.length > 0 && (
        <ol ref={list} aria-label={t.cards.label} className={css.list}>
          {children}
        </ol>
      )}
    </section>
  );
}

/** The items of an answer. They appear as soon as something is found and move into the final order. */
export function Cards({ sessionId, turn, given, isLastRanking, onSay }: Props) {
  const t = useMessages();
  const [compared, setCompared] = useState<string[]>([]);
  const opinions = useOpinions();
  const gone = useShownChanges(turn).filter(({ rank }) => rank === null);
  const [view, setView] = useState(AS_RANKED);
  const further = useFurther(turn);
  if (!turn.cards.length && !turn.groups.length) return null;

  const parts = sections(turn);
  const last = parts.length - 1;
  const shown = parts.map(({ group, cards }, index) => ({
    group,
    cards: viewed(index === last ? [...cards, ...further.cards] : cards, further.items, view),
  }));

  const say = (text: string) => onSay({ text, images: [], audio: [], video: [], dropped: [] });
  const rankOf = (itemId: string) => turn.cards.findIndex((card) => card.item_id === itemId) + 1;
  const tell = (itemId: string, event: FeedbackEvent) => {
    sendFeedback(sessionId, itemId, event).catch(() => {}); // an opinion that is not taken down must not disturb
    noteOpinion(sessionId, itemId, event);
  };
  const pick = (itemId: string, isPicked: boolean) =>
    setCompared((before) => (isPicked ? [...before, itemId].slice(-2) : before.filter((id) => id !== itemId)));
  const compare = () => {
    const [one = 1, other = 2] = compared.map(rankOf).sort((a, b) => a - b);
    setCompared([]);
    say(t.say.compare(one, other));
  };

  const cardOf = (card: CardView) => {
    const rank = rankOf(card.item_id) || turn.cards.length + further.cards.indexOf(card) + 1;
    return (
      <Card
        key={card.item_id}
        card={card}
        rank={rank}
        turn={turn}
        given={given}
        opinion={opinions[`${sessionId} ${card.item_id}`]}
        tell={(event) => tell(card.item_id, event)}
        steer={
          isLastRanking && rankOf(card.item_id)
            ? {
                more: () => say(t.say.more(rank)),
                not: () => say(t.say.not(rank)),
                isCompared: compared.includes(card.item_id),
                compare: (isPicked) => pick(card.item_id, isPicked),
              }
            : null
        }
      />
    );
  };

  return (
    <div className={css.cards}>
      {further.cards.length > 0 && (
        <ViewBar cards={[...turn.cards, ...further.cards]} items={further.items} view={view} onChange={setView} />
      )}
      {shown.map(({ group, cards }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: wishes keep their places, and two may have the same words
        <Section key={index} group={group} language={turn.reply?.language}>
          {cards.map(cardOf)}
        </Section>
      ))}
      {further.cards.length > 0 && shown.every(({ cards }) => !cards.length) && <p>{t.cards.noneLeft}</p>}
      {further.left > 0 && (
        <div className={css.more}>
          <Button onPress={further.showMore} isDisabled={further.isLoading}>
            {t.cards.showMore}
          </Button>
        </div>
      )}
      {gone.length > 0 && (
        <ul className={css.gone} aria-label={t.cards.gone} lang={turn.reply?.language}>
          {gone.map(({ item_id, title, reason }) => (
            <li key={item_id}>
              {title}: {reason}
            </li>
          ))}
        </ul>
      )}
      {isLastRanking && compared.length > 0 && (
        <div className={css.compare}>
          <GitCompareArrows size={18} aria-hidden />
          {compared.length === 2 ? (
            <Button look="primary" small onPress={compare}>
              {t.cards.compareReady}
            </Button>
          ) : (
            t.cards.compareOne
          )}
        </div>
      )}
    </div>
  );
}
