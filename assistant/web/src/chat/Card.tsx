import { GitCompareArrows, ThumbsDown, ThumbsUp } from "lucide-react";
import { useRef } from "react";
import { Link } from "wouter";
import type { FeedbackEvent, Variant } from "../api/types";
import { useDeveloper } from "../app/choices";
import { usePrice } from "../app/shop";
import { ShopLinks, Stock } from "../catalogue/ShopLinks";
import { pictureUrls, useItemNear } from "../catalogue/useItem";
import { useSpeech } from "../i18n";
import { Button, IconToggle, Toggle } from "../ui/Button";
import { ZoomPhoto } from "../ui/Lightbox";
import { Photo } from "../ui/Photo";
import css from "./Card.module.css";
import { useShownChanges } from "./changes";
import { EvidencePanel } from "./EvidencePanel";
import type { Given } from "./evidence";
import type { Opinion } from "./opinions";
import type { CardView, Turn } from "./turn";

interface Props {
  card: CardView;
  rank: number;
  turn: Turn;
  given: Given;
  opinion: Opinion | undefined;
  tell: (event: FeedbackEvent) => void;
  /** How the next search can be steered from here; null in answers that a later one has replaced. */
  steer: { more: () => void; not: () => void; isCompared: boolean; compare: (isPicked: boolean) => void } | null;
}

/** One recommended item with its reason. */
export function Card({ card, rank, turn, given, opinion, tell, steer }: Props) {
  const { t } = useSpeech();
  const priceOf = usePrice();
  const place = useRef<HTMLLIElement>(null);
  const detail = useItemNear(card.item_id, place, turn.status !== "running");
  return (
    <li ref={place} className={css.card} data-settled={turn.settled} data-item={card.item_id}>
      <div className={css.photo}>
        {detail ? (
          <ZoomPhoto itemId={card.item_id} title={card.title} urls={pictureUrls(detail)} width={320} />
        ) : (
          <Photo itemId={card.item_id} alt={t.cards.photoOf(card.title)} width={320} eager />
        )}
        <span className={css.rank}>
          <span className="visually-hidden">{t.cards.rank(rank)}</span>
          <span aria-hidden>{rank}</span>
        </span>
      </div>
      <div className={css.text}>
        <div className={css.head}>
          <h2>
            <Link href={`/catalogue/${encodeURIComponent(card.item_id)}`} onClick={() => tell("view")}>
              {card.title}
            </Link>
          </h2>
          <span className={css.price}>
            {priceOf(card)} <Stock isThere={card.variant ? card.variant.in_stock : detail?.item.in_stock} />
          </span>
        </div>
        {card.variant && <Chosen variant={card.variant} />}
        <Moved turn={turn} itemId={card.item_id} />
        <Reason card={card} isRunning={turn.status === "running"} language={turn.reply?.language} />
        {(card.evidence.length > 0 || turn.status === "running") && (
          <div className={css.why}>
            {card.evidence.length > 0 && (
              <EvidencePanel card={card} language={turn.reply?.language} given={given} onOpen={() => tell("view")} />
            )}
          </div>
        )}
        {turn.status === "done" && (
          <div className={css.actions}>
            {detail && <ShopLinks item={detail.item} onFollow={(to) => tell(to === "cart" ? "cart" : "view")} />}
            <IconToggle
              label={t.cards.like(card.title)}
              small
              isSelected={opinion === "like"}
              onChange={() => tell("like")}
            >
              <ThumbsUp size={17} aria-hidden />
            </IconToggle>
            <IconToggle
              label={t.cards.dislike(card.title)}
              small
              isSelected={opinion === "dislike"}
              onChange={() => tell("dislike")}
            >
              <ThumbsDown size={17} aria-hidden />
            </IconToggle>
            {steer && (
              <>
                <Button
                  small
                  aria-label={t.cards.forItem(t.cards.more, card.title)}
                  onPress={() => {
                    tell("more_like_this");
                    steer.more();
                  }}
                >
                  {t.cards.more}
                </Button>
                <Button
                  small
                  aria-label={t.cards.forItem(t.cards.not, card.title)}
                  onPress={() => {
                    tell("not_this");
                    steer.not();
                  }}
                >
                  {t.cards.not}
                </Button>
                <Toggle
                  small
                  aria-label={t.cards.forItem(t.cards.compare, card.title)}
                  isSelected={steer.isCompared}
                  onChange={steer.compare}
                >
                  <GitCompareArrows size={15} aria-hidden />
                  {t.cards.compare}
                </Toggle>
              </>
            )}
          </div>
        )}
      </div>
    </li>
  );
}

/** Which variant the price and the stock are of. */
function Chosen({ variant }: { variant: Variant }) {
  const options = Object.entries(variant.options).map(([name, value]) => `${name} ${value}`);
  return <p className={css.variant}>{options.join(" · ")}</p>;
}

/** Why the card stands elsewhere than at first, or was not there. */
function Moved({ turn, itemId }: { turn: Turn; itemId: string }) {
  const change = useShownChanges(turn).find(({ item_id }) => item_id === itemId);
  if (!change) return null;
  return (
    <p className={css.moved} lang={turn.reply?.language}>
      {change.reason}
    </p>
  );
}

function Reason({ card, isRunning, language }: { card: CardView; isRunning: boolean; language: string | undefined }) {
  const { t } = useSpeech();
  const isDeveloper = useDeveloper();
  if (!card.explanation) {
    return isRunning ? (
      <p className={css.reason}>
        <span className={css.skeleton} aria-hidden />
        <span className={css.skeleton} aria-hidden />
        <span className="visually-hidden">{t.cards.writing}</span>
      </p>
    ) : null;
  }
  return (
    <p className={css.reason}>
      <span lang={language}>{card.explanation}</span>{" "}
      {isDeveloper && card.explainedBy === "template" && (
        <small className={css.template} title={t.cards.fromTemplateHint}>
          {t.cards.fromTemplate}
        </small>
      )}
    </p>
  );
}
