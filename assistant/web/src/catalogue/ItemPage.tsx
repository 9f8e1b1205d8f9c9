import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, MessageCircle } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button as AriaButton, ToggleButton, ToggleButtonGroup } from "react-aria-components";
import { Link, useLocation } from "wouter";
import { neighbours, noteEvent } from "../api/client";
import { asProblem } from "../api/problem";
import type { Item, ItemDetail, MapSpace, Moment } from "../api/types";
import { useDeveloper } from "../app/choices";
import { usePrice } from "../app/shop";
import { beginConversation, say } from "../chat/conversations";
import { useMessages } from "../i18n";
import { clock, sentence } from "../i18n/format";
import { Button } from "../ui/Button";
import { ZoomPhoto } from "../ui/Lightbox";
import { Notice } from "../ui/Notice";
import { Photo } from "../ui/Photo";
import { Loading } from "../ui/Spinner";
import { factsOf, saidIn, tracesOf, variantsOf } from "./facts";
import { ItemGrid } from "./ItemGrid";
import css from "./ItemPage.module.css";
import { ShopLinks, Stock } from "./ShopLinks";
import { itemQuery, pictureUrls } from "./useItem";

const NEIGHBOURS = 6;

/** One item: its pictures, what is known of it, and what lies close to it. */
export default function ItemPage({ itemId, asked = null }: { itemId: string; asked?: Moment | null }) {
  const t = useMessages();
  const { data, error } = useQuery(itemQuery(itemId));
  const isKnown = data !== undefined;
  useEffect(() => {
    if (isKnown) noteEvent(itemId, "view").catch(() => {}); // that it was looked at is nothing to disturb a reader with
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
  const t = useMessages();
  const priceOf = usePrice();
  const { item } = detail;
  const facts = factsOf(item, t);
  const traces = useDeveloper() ? tracesOf(detail, t) : [];
  return (
    <article className={css.item}>
      <div className={css.gallery}>
        <Gallery detail={detail} />
        <Videos detail={detail} asked={asked} />
        <Recordings item={item} asked={asked} />
      </div>
      <div className={css.text}>
        <h1>{item.title}</h1>
        <p className={css.price}>
          {priceOf(item)}
          <Stock isThere={item.in_stock} />
        </p>
        {item.description && <p className={css.description}>{item.description}</p>}
        <div className={css.actions}>
          <Ask title={item.title} />
          <ShopLinks item={item} onFollow={(to) => to === "cart" && noteEvent(item.id, "cart").catch(() => {})} />
        </div>
        <Variants item={item} />
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

/** The item's variants, where they differ in price or stock. */
function Variants({ item }: { item: Item }) {
  const t = useMessages();
  const priceOf = usePrice();
  const variants = variantsOf(item);
  if (variants.length < 2) return null;
  const names = [...new Set(variants.flatMap(({ options }) => Object.keys(options)))];
  return (
    <div>
      <h2 id="variants">{t.item.variants}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className={css.scroller} aria-labelledby="variants" tabIndex={0}>
        <table className={css.variants}>
          <thead>
            <tr>
              {names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col">{t.item.price}</th>
            </tr>
          </thead>
          <tbody>
            {variants.map(({ options, price: own, in_stock }) => (
              <tr key={JSON.stringify(options)}>
                {names.map((name) => (
                  <td key={name}>{options[name] ?? "–"}</td>
                ))}
                <td>
                  {priceOf({ ...item, price: own ?? item.price })} <Stock isThere={in_stock} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
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

function Gallery({ detail }: { detail: ItemDetail }) {
  const t = useMessages();
  const [shown, setShown] = useState(0);
  const { item, pictures } = detail;
  const urls = pictureUrls(detail);
  const shows = pictures.filter(({ url }) => url);
  if (shows.length && shows.every(({ moment }) => moment)) return null; // the videos stand for it
  return (
    <div className={css.gallery}>
      <ZoomPhoto key={shown} itemId={item.id} title={item.title} urls={urls} width={960} first={shown} />
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
                    <Photo itemId={item.id} src={frame.slice(1)} alt="" width={160} />
                    {clock(moment.second)}
                  </AriaButton>
                </li>
              ),
          )}
        </ul>
        <SaidLines item={item} of={id} onPlay={(second) => playFrom(players.current.get(id), second)} />
      </section>
    ));
}

/** The item's recordings, each with what is said in it. */
function Recordings({ item, asked }: { item: Item; asked: Moment | null }) {
  const t = useMessages();
  const players = useRef(new Map<string, HTMLAudioElement>());
  return item.audio
    .map((url, n) => ({ url, n, id: `a${n}` }))
    .filter(({ url }) => url.startsWith("/api/"))
    .map(({ url, n, id }) => (
      <section key={url} className={css.gallery} aria-label={t.item.recording(n + 1)}>
        {/* biome-ignore lint/a11y/useMediaCaption: what is said stands below */}
        <audio
          className={css.audio}
          controls
          preload="metadata"
          src={`${url.slice(1)}${asked?.video === id ? `#t=${asked.second}` : ""}`}
          ref={(player) => {
            if (player) players.current.set(id, player);
          }}
        />
        <SaidLines item={item} of={id} onPlay={(second) => playFrom(players.current.get(id), second)} />
      </section>
    ));
}

interface SaidProps {
  item: Item;
  of: string;
  onPlay: (second: number) => void;
}

/** What is said in a recording or video; a press on a line plays it from there. */
function SaidLines({ item, of, onPlay }: SaidProps) {
  const t = useMessages();
  const lines = saidIn(item).filter(({ video }) => video === of);
  if (!lines.length) return null;
  return (
    <ul className={css.said}>
      {lines.map(({ second, text }, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines stay as they are
        <li key={n}>
          <AriaButton
            className={css.line ?? ""}
            aria-label={`${t.item.playFrom(clock(second))}: ${text}`}
            onPress={() => onPlay(second)}
          >
            <span>{clock(second)}</span>
            {text}
          </AriaButton>
        </li>
      ))}
    </ul>
  );
}

function playFrom(player: HTMLMediaElement | undefined, second: number) {
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
      void say(id, { text: t.wishes.like(title), images: [], audio: [], video: [], dropped: [] });
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
