import { ChevronRight, Play } from "lucide-react";
import { type RefObject, useRef } from "react";
import { Button, Disclosure, DisclosurePanel } from "react-aria-components";
import { Link } from "wouter";
import type { Moment, PictureNote } from "../api/types";
import { useDeveloper } from "../app/choices";
import { itemMoment } from "../catalogue/moments";
import { useSpeech } from "../i18n";
import { clock, percent } from "../i18n/format";
import { Photo } from "../ui/Photo";
import css from "./EvidencePanel.module.css";
import { type Given, groupBySource, wordsOf } from "./evidence";
import { MarkedText } from "./MarkedText";
import type { CardView } from "./turn";

interface Props {
  card: CardView;
  /** The reply's, which its evidence speaks. */
  language: string | undefined;
  given: Given;
  onOpen: () => void;
}

/** The evidence that a reason rests on, beside what the user said and showed. */
export function EvidencePanel({ card, language, given, onOpen }: Props) {
  const { t } = useSpeech();
  const isDeveloper = useDeveloper();
  const wasOpened = useRef(false);
  const content = useRef<HTMLDivElement>(null);
  return (
    <Disclosure
      onExpandedChange={(isExpanded) => {
        if (isExpanded && !wasOpened.current) onOpen();
        wasOpened.current = true;
      }}
    >
      <Button slot="trigger" className={css.trigger ?? ""}>
        <ChevronRight size={16} aria-hidden />
        {t.evidence.why}
        <span className="visually-hidden">{card.title}</span>
        {isDeveloper && ` ${t.evidence.pieces(card.evidence.length)}`}
      </Button>
      <DisclosurePanel className={css.panel ?? ""}>
        <div className={css.content} ref={content}>
          <Entries card={card} language={language} content={content} />
          <Words card={card} given={given} />
          <Pictures card={card} given={given} />
        </div>
      </DisclosurePanel>
    </Disclosure>
  );
}

interface EntriesProps {
  card: CardView;
  language: string | undefined;
  content: RefObject<HTMLDivElement | null>;
}

function Entries({ card, language, content }: EntriesProps) {
  const { t } = useSpeech();
  return (
    <dl className={css.groups}>
      {groupBySource(card.evidence).map(({ source, entries }) => (
        <div key={source} className={css.group}>
          <dt>{t.evidence.sources[source] ?? source}</dt>
          {entries.map((entry) => (
            <dd key={entry.id}>
              <span lang={entry.sentence ? language : "en"}>{wordsOf(entry)}</span>
              {entry.shown && (
                <Button
                  className={css.moment ?? ""}
                  aria-label={t.evidence.inYourVideo(clock(entry.shown.second))}
                  onPress={() => entry.shown && play(content.current, entry.shown)}
                >
                  <Play size={13} aria-hidden />
                  {clock(entry.shown.second)}
                </Button>
              )}
              {entry.moment && (
                <Link
                  className={css.moment}
                  aria-label={t.evidence.inItsVideo(clock(entry.moment.second))}
                  href={itemMoment(card.item_id, entry.moment)}
                >
                  <Play size={13} aria-hidden />
                  {clock(entry.moment.second)}
                </Link>
              )}
            </dd>
          ))}
        </div>
      ))}
    </dl>
  );
}

/** Play the user's video from a second on. */
function play(content: HTMLElement | null, { video, second }: Moment) {
  const player = content?.querySelector<HTMLVideoElement>(`video[data-id="${CSS.escape(video)}"]`);
  if (!player) return;
  player.currentTime = second;
  player.scrollIntoView({ block: "nearest" });
  player.play().catch(() => {}); // a browser that does not play it shows the frame
}

/** The user's words, written and spoken, with those marked that this item's evidence mentions. */
function Words({ card, given }: { card: CardView; given: Given }) {
  const { t, locale } = useSpeech();
  const isDeveloper = useDeveloper();
  if (!given.text && !given.transcripts.length) return null;
  const mark = (text: string) => <MarkedText text={text} evidence={card.evidence} numbers={given.numbers} />;
  return (
    <div className={css.words}>
      {given.text && (
        <figure>
          <figcaption>{t.evidence.youWrote}</figcaption>
          <blockquote>{mark(given.text)}</blockquote>
        </figure>
      )}
      {given.transcripts.map((note) => (
        <figure key={note.attachment}>
          <figcaption>
            {t.evidence.youSaid}{" "}
            {isDeveloper && <small>{t.evidence.confidence(percent(note.confidence, locale))}</small>}
          </figcaption>
          <blockquote lang={note.language ?? undefined}>{mark(note.text)}</blockquote>
        </figure>
      ))}
    </div>
  );
}

function Pictures({ card, given }: { card: CardView; given: Given }) {
  const { t } = useSpeech();
  const restsOnPicture = card.evidence.some(({ source }) => source.startsWith("picture"));
  if (!restsOnPicture) return null;
  return given.pictures.map((picture) => (
    <div key={picture.attachment} className={css.pictures}>
      <figure>
        <figcaption>{picture.kind === "video" ? t.evidence.yourVideo : t.evidence.yourPicture}</figcaption>
        {picture.url && picture.kind === "video" && (
          // biome-ignore lint/a11y/useMediaCaption: the transcript stands beside it
          <video data-id={picture.attachment} controls preload="metadata" src={picture.url} aria-label={picture.name} />
        )}
        {picture.url && picture.kind !== "video" && <img src={picture.url} alt={picture.name} />}
      </figure>
      <div className={css.labels}>
        <p>{t.evidence.sees}</p>
        <Labels labels={picture.labels} />
      </div>
      <figure>
        <figcaption>{t.evidence.itemPhoto}</figcaption>
        <Photo itemId={card.item_id} alt={t.cards.photoOf(card.title)} width={320} />
      </figure>
    </div>
  ));
}

/** What is recognised in a picture: the likely ones, and for developers how sure that is. */
function Labels({ labels }: Pick<PictureNote, "labels">) {
  const { locale } = useSpeech();
  const isDeveloper = useDeveloper();
  const shown = isDeveloper ? labels.slice(0, 5) : labels.slice(0, 3).filter(({ score }, n) => !n || score >= LIKELY);
  return (
    <ul>
      {shown.map(({ label, score }) => (
        <li key={label}>
          <span>{label}</span>
          {isDeveloper && (
            <>
              <meter value={score} min={0} max={1} aria-label={label} />
              <span className={css.share}>{percent(score, locale)}</span>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

const LIKELY = 0.1;
