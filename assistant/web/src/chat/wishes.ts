/** Wishes to begin with that the catalogue can meet. */

import { catalogueStats, findItems } from "../api/client";
import type { Hit } from "../api/types";
import type { Messages } from "../i18n";
import { limit } from "../i18n/format";

/** A category with an item from the middle of its prices. */
export interface Sample {
  category: string;
  item: Hit;
}

const CATEGORIES = 4;
const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** An item of each of the largest categories. */
export async function samples(): Promise<Sample[]> {
  const { categories } = await catalogueStats();
  const largest = Object.entries(categories).slice(0, CATEGORIES);
  const found = await Promise.all(
    largest.map(async ([category, count]) => {
      const { items } = await findItems({ category, sort: "price" }, Math.floor(count / 2), 1);
      return items.map((item) => ({ category, item }));
    }),
  );
  return found.flat();
}

/** One wish of each sample: by price, brand, stock or likeness, whichever the item allows and the others did not use. */
export function wishesOf(found: Sample[], t: Messages, locale: string): string[] {
  const wishes = new Map<string, string>();
  for (const { category, item } of found) {
    const what = category.split(" > ").at(-1) ?? category;
    const { price, currency } = item;
    const ways: [string, string | null][] = [
      ["price", price ? t.wishes.under(what, limit(roundUp(price), currency, locale)) : null],
      ["brand", item.brand ? t.wishes.by(what, item.brand) : null],
      ["stock", item.in_stock ? t.wishes.inStock(what) : null],
      ["like", t.wishes.like(item.title)],
    ];
    const [way, wish] = ways.find(([name, words]) => words !== null && !wishes.has(name)) ?? [];
    if (way && wish) wishes.set(way, wish);
  }
  return [...wishes.values()];
}

/** The next round number that is not below: 44.95 is 50, 160 is 200. */
export function roundUp(price: number): number {
  const unit = 10 ** Math.floor(Math.log10(price));
  const step = STEPS.find((one) => one * unit >= price * 0.9999) ?? 10;
  return Math.round(step * unit * 100) / 100;
}
