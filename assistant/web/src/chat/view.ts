/** In which order the items of an answer are shown, and which of them. */

import type { Item } from "../api/types";
import type { CardView } from "./turn";

export interface View {
  sort: "" | "price" | "-price";
  inStock: boolean;
  /** Of one brand; "" all. */
  brand: string;
}

export const AS_RANKED: View = { sort: "", inStock: false, brand: "" };

/** The cards of a view. What has no price stands last; what is not known to be in stock is not "in stock". */
export function viewed(cards: CardView[], items: Map<string, Item>, { sort, inStock, brand }: View): CardView[] {
  const fits = ({ item_id, variant }: CardView) => {
    const item = items.get(item_id);
    return (!inStock || (variant ?? item)?.in_stock === true) && (!brand || item?.brand === brand);
  };
  const kept = inStock || brand ? cards.filter(fits) : cards;
  if (!sort) return kept;
  const sign = sort === "price" ? 1 : -1;
  const place = ({ price }: CardView) => (typeof price === "number" ? sign * price : Number.POSITIVE_INFINITY);
  return kept.toSorted((one, other) => place(one) - place(other));
}

/** Whether the prices can be put in an order: they are of one currency. */
export const isOneCurrency = (cards: CardView[]): boolean =>
  new Set(cards.filter(({ price }) => typeof price === "number").map(({ currency }) => currency ?? "")).size < 2;

/** The brands of the items, in alphabetical order. */
export const brandsOf = (items: Map<string, Item>): string[] =>
  [...new Set([...items.values()].map(({ brand }) => brand).filter((brand) => !!brand))].toSorted() as string[];
