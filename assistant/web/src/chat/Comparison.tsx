import { useQueries } from "@tanstack/react-query";
import { Link } from "wouter";
import type { ItemDetail } from "../api/types";
import { usePrice } from "../app/shop";
import { factsOf } from "../catalogue/facts";
import { ShopLinks, Stock } from "../catalogue/ShopLinks";
import { itemQuery, pictureUrls } from "../catalogue/useItem";
import { useSpeech } from "../i18n";
import { limit } from "../i18n/format";
import { ZoomPhoto } from "../ui/Lightbox";
import css from "./Comparison.module.css";
import { type Favour, favours } from "./favours";
import type { CardView } from "./turn";

interface Props {
  cards: CardView[];
  language: string | undefined;
  onFollow: (itemId: string, to: "shop" | "cart") => void;
}

/** Items side by side: what speaks for each, and a line for each thing known of any of them. */
export function Comparison({ cards, language, onFollow }: Props) {
  const { t } = useSpeech();
  const priceOf = usePrice();
  const found = useQueries({
    queries: cards.map((card) => itemQuery(card.item_id)),
    combine: (results) => results.map(({ data }) => data).filter((found): found is ItemDetail => found !== undefined),
  });
  if (found.length < 2) return null;
  const items = found.map(({ item }) => item);
  const urls = found.map(pictureUrls);
  const facts = items.map((item) => new Map(factsOf(item, t)));
  const points = favours(cards, items);
  const names = [...new Set(facts.flatMap((known) => [...known.keys()]))];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={css.scroller} aria-label={t.cards.compare} tabIndex={0}>
      <table className={css.table}>
        <thead>
          <tr>
            <td />
            {items.map((item, index) => (
              <th key={item.id} scope="col">
                <div className={css.photo}>
                  <ZoomPhoto itemId={item.id} title={item.title} urls={urls[index] ?? []} width={320} />
                </div>
                <Link href={`/catalogue/${encodeURIComponent(item.id)}`}>{item.title}</Link>
                <div className={css.links}>
                  <ShopLinks item={item} onFollow={(to) => onFollow(item.id, to)} />
                </div>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.some((own) => own.length > 0) && (
            <tr>
              <th scope="row">{t.cards.favour}</th>
              {points.map((own, index) => (
                <td key={items[index]?.id}>
                  <ul className={css.points}>
                    {own.map((point) => (
                      <li key={JSON.stringify(point)}>
                        <Point point={point} language={language} />
                      </li>
                    ))}
                  </ul>
                  {!own.length && "–"}
                </td>
              ))}
            </tr>
          )}
          <tr>
            <th scope="row">{t.evidence.sources.price}</th>
            {items.map((item) => (
              <td key={item.id}>
                {priceOf(item)} <Stock isThere={item.in_stock} />
              </td>
            ))}
          </tr>
          <tr>
            <th scope="row">{t.item.description}</th>
            {items.map((item) => (
              <td key={item.id}>{item.description || "–"}</td>
            ))}
          </tr>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {facts.map((known, index) => (
                <td key={items[index]?.id}>{known.get(name) ?? "–"}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Point({ point, language }: { point: Favour; language: string | undefined }) {
  const { t, locale } = useSpeech();
  switch (point.kind) {
    case "cheaper":
      return t.cards.cheaper(limit(point.by, point.currency, locale));
    case "stock":
      return t.cards.onlyThere;
    case "fit":
      return <span lang={language}>{point.sentence}</span>;
  }
}
