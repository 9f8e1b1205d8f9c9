/** What speaks for each of the items that are compared. */

import type { Item } from "../api/types";
import { wordsOf } from "./evidence";
import type { CardView } from "./turn";

export type Favour =
  | { kind: "cheaper"; by: number; currency: string | null | undefined }
  | { kind: "stock" }
  | { kind: "fit"; sentence: string };

/** Evidence of how well an item fits the wish; the table itself says what the item is. */
const FIT = new Set([
  "picture",
  "picture_words",
  "sound",
  "picture_text",
  "text_picture",
  "keyword",
  "session",
  "profile",
  "collaborative",
  "popular",
  "imported",
]);

/** For each item what is true of it and not of the others: a lower price in the same currency, stock, fit to the wish. */
export function favours(cards: CardView[], items: Item[]): Favour[][] {
  return items.map((item) => {
    const others = items.filter((other) => other !== item);
    return [...cheaper(item, others), ...inStock(item, others), ...fits(item, cards)];
  });
}

function cheaper({ price, currency }: Item, others: Item[]): Favour[] {
  const next = Math.min(
    ...others.map((other) => (other.currency === currency ? (other.price ?? Number.NaN) : Number.NaN)),
  );
  if (typeof price !== "number" || Number.isNaN(next) || next <= price) return [];
  return [{ kind: "cheaper", by: Math.round((next - price) * 100) / 100, currency }];
}

function inStock({ in_stock }: Item, others: Item[]): Favour[] {
  return in_stock === true && others.every((other) => other.in_stock === false) ? [{ kind: "stock" }] : [];
}

function fits({ id }: Item, cards: CardView[]): Favour[] {
  const said = new Set(cards.filter((card) => card.item_id !== id).flatMap((card) => card.evidence.map(wordsOf)));
  const own = cards.find((card) => card.item_id === id)?.evidence ?? [];
  return own
    .filter((entry) => FIT.has(entry.source) && !said.has(wordsOf(entry)))
    .map((entry) => ({ kind: "fit", sentence: wordsOf(entry) }));
}
