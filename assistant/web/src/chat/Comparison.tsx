import { useQueries } from "@tanstack/react-query";
import { Link } from "wouter";
import { getItem } from "../api/client";
import type { ItemDetail } from "../api/types";
import { factsOf } from "../catalogue/facts";
import { useSpeech } from "../i18n";
import { price } from "../i18n/format";
import { Photo } from "../ui/Photo";
import css from "./Comparison.module.css";

/** Items side by side, a line for each thing known of any of them. */
export function Comparison({ itemIds }: { itemIds: string[] }) {
  const { t, locale } = useSpeech();
  const found = useQueries({
    queries: itemIds.map((id) => ({ queryKey: ["item", id], queryFn: () => getItem(id) })),
    combine: (results) => results.map(({ data }) => data).filter((found): found is ItemDetail => found !== undefined),
  });
  if (found.length < 2) return null;
  const items = found.map(({ item }) => item);
  const facts = items.map((item) => new Map(factsOf(item, t)));
  const names = [...new Set(facts.flatMap((known) => [...known.keys()]))];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={css.scroller} aria-label={t.cards.compare} tabIndex={0}>
      <table className={css.table}>
        <thead>
          <tr>
            <td />
            {items.map((item) => (
              <th key={item.id} scope="col">
                <div className={css.photo}>
                  <Photo itemId={item.id} alt="" width={320} />
                </div>
                <Link href={`/catalogue/${encodeURIComponent(item.id)}`}>{item.title}</Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t.evidence.sources.price}</th>
            {items.map((item) => (
              <td key={item.id}>{price(item.price, item.currency, locale) ?? t.cards.noPrice}</td>
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
