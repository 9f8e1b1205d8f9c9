import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, MessageCircle } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button as AriaButton, ToggleButton, ToggleButtonGroup } from "react-aria-components";
import { Link, useLocation } from "wouter";
import { getItem, neighbours, noteView } from "../api/client";
import { asProblem } from "../api/problem";
import type { ItemDetail, MapSpace, Moment } from "../api/types";
import { beginConversation, say } from "../chat/conversations";
import { useMessages, useSpeech } from "../i18n";
import { clock, price, sentence } from "../i18n/format";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Photo } from "../ui/Photo";
import { Loading } from "../ui/Spinner";
import { factsOf, tracesOf } from "./facts";
import { ItemGrid } from "./ItemGrid";
import css from "./ItemPage.module.css";

const NEIGHBOURS = 6;

/** One item: its pictures, what is known of it, and what lies close to it. */
export default function ItemPage({ itemId, asked = null }: { itemId: string; asked?: Moment | null }) {
  const t = useMessages();
  const { data, error } = useQuery({ queryKey: ["item", itemId], queryFn: () => getItem(itemId) });
  const isKnown = data !== undefined;
  useEffect(() => {
    if (isKnown) noteView(itemId).catch(() => {}); // that it was looked at is nothing to disturb a reader with
  }, [itemId, isKnown]);
  return (
    <div className={css.page}>
      <Link href="/catalogue" className={css.back}>
        <ArrowLeft size={17} aria-hidden />
        {t.item.back}
      </Link>
      {error && <Notice kind="problem">{sentence(asProblem(error), t)}</Notice>}
      {!data && !error && <Loading />}
      {data && <Known detail={data} asked={asked} />}
      {data && <Neighbours itemId={itemId} by="text" title={t.item.byText} />}
      {data && <Neighbours itemId={itemId} by="picture" title={t.item.byPicture} />}
    </div>
  );
}

interface DetailProps {
  detail: ItemDetail;
  /** Where one of its videos begins to play. */
  asked: Moment | null;
}

function Known({ detail, asked }: DetailProps) {
  const { t, locale } = useSpeech();
  const { item } = detail;
  const facts = factsOf(item, t);
  const traces = tracesOf(detail, t);
  return (
    <article className={css.item}>
      <div className={css.gallery}>
        <Gallery detail={detail} />
        <Videos detail={detail} asked={asked} />
      </div>
      <div className={css.text}>
        <h1>{item.title}</h1>
        <p className={css.price}>
          {price(item.price, item.currency, locale) ?? t.cards.noPrice}
          {item.in_stock !== null && (
            <span className={css.stock} data-in-stock={item.in_stock}>
              {item.in_stock ? t.item.inStock : t.item.outOfStock}
            </span>
          )}
        </p>
        {item.description && <p className={css.description}>{item.description}</p>}
        <div className={css.actions}>
          <Ask title={item.title} />
          {item.url && /^https?:/.test(item.url) && (
            <a href={item.url} rel="noreferrer">
              {t.item.shop}
            </a>
          )}
        </div>
        {facts.length > 0 && (
          <section aria-labelledby="facts">
            <h2 id="facts">{t.item.facts}</h2>
            <FactList facts={facts} />
          </section>
        )}
        {traces.length > 0 && (
          <details className={css.traces}>
            <summary>{t.item.traces}</summary>
            <FactList facts={traces} />
          </details>
        )}
      </div>
    </article>
  );
}

function FactList({ facts }: { facts: [string, string][] }) {
  return (
    <dl className={css.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Gallery({ detail: { item, pictures } }: { detail: ItemDetail }) {
  const t = useMessages();
  const [shown, setShown] = useState(0);
  const urls = pictures.flatMap(({ url, moment }) => (url && !moment ? [url] : []));
  if (!urls.length && item.video.length) return null; // the videos stand for it
  return (
    <div className={css.gallery}>
      <Photo itemId={item.id} src={urls[shown] ?? null} alt={t.cards.photoOf(item.title)} width={960} eager />
      {urls.length > 1 && (
        <ToggleButtonGroup
          className={css.thumbs ?? ""}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[String(shown)]}
          onSelectionChange={(keys) => setShown(Number([...keys][0]))}
        >
          {urls.map((url, n) => (
            <ToggleButton key={url} id={String(n)} className={css.thumb ?? ""} aria-label={t.item.photo(n + 1)}>
              <Photo itemId={item.id} src={url} alt="" width={160} />
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
      )}
    </div>
  );
}

/** The item's videos, each with a strip of its frames; a press on one plays the video from there. */
function Videos({ detail: { item, pictures }, asked }: DetailProps) {
  const t = useMessages();
  const players = useRef(new Map<string, HTMLVideoElement>());
  return item.video
    .map((url, n) => ({ url, id: String(n) }))
    .filter(({ url }) => url.startsWith("/api/"))
    .map(({ url, id }) => (
      <section key={url} className={css.gallery} aria-label={t.item.video(Number(id) + 1)}>
        {/* biome-ignore lint/a11y/useMediaCaption: a shop's video has none here */}
        <video
          className={css.video}
          controls
          preload="metadata"
          src={`${url.slice(1)}#t=${asked?.video === id ? asked.second : 0.1}`}
          ref={(player) => {
            if (player) players.current.set(id, player);
          }}
        />
        <ul className={css.strip}>
          {pictures.map(
            ({ url: frame, moment }) =>
              frame &&
              moment?.video === id && (
                <li key={frame}>
                  <AriaButton
                    className={css.frame ?? ""}
                    aria-label={t.item.playFrom(clock(moment.second))}
                    onPress={() => playFrom(players.current.get(id), moment.second)}
                  >
                    <Photo itemId={item.id} src={frame} alt="" width={160} />
                    {clock(moment.second)}
                  </AriaButton>
                </li>
              ),
          )}
        </ul>
      </section>
    ));
}

function playFrom(player: HTMLVideoElement | undefined, second: number) {
  if (!player) return;
  player.currentTime = second;
  player.play().catch(() => {}); // a browser that does not play it shows the frame
}

/** Begins a conversation about things like this one. */
function Ask({ title }: { title: string }) {
  const t = useMessages();
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState("");
  async function ask() {
    try {
      const id = await beginConversation();
      void say(id, { text: t.item.askText(title), images: [], audio: [], video: [], dropped: [] });
      navigate(`/s/${id}`);
    } catch (error) {
      setProblem(sentence(asProblem(error), t));
    }
  }
  return (
    <>
      <Button look="primary" onPress={ask}>
        <MessageCircle size={18} aria-hidden />
        {t.item.ask}
      </Button>
      {problem && <Notice kind="problem">{problem}</Notice>}
    </>
  );
}

function Neighbours({ itemId, by, title }: { itemId: string; by: MapSpace; title: string }) {
  const t = useMessages();
  const { data, error, isPending } = useQuery({
    queryKey: ["neighbours", itemId, by],
    queryFn: () => neighbours(itemId, by, NEIGHBOURS),
  });
  return (
    <section className={css.neighbours} aria-label={title}>
      <h2>{title}</h2>
      {isPending && <Loading />}
      {error && <Notice kind="problem">{sentence(asProblem(error), t)}</Notice>}
      {data && data.items.length > 0 && <ItemGrid items={data.items} label={title} />}
      {data?.items.length === 0 && <p>{data.missing.join(" ") || t.item.noNeighbours}</p>}
    </section>
  );
}
