import type { Item, ItemDetail, Variant } from "../api/types";
import type { Messages } from "../i18n";

/** What is kept for machines rather than readers. */
const HIDDEN = new Set([
  "variants",
  "facets",
  "sku",
  "slug",
  "price_max",
  "list_price",
  "availability",
  "spoken_words",
]);

/** An item's category, brand and attributes as names and texts. */
export function factsOf(item: Item, t: Messages): [string, string][] {
  const named: [string, unknown][] = [
    [t.item.category, item.category],
    [t.item.brand, item.brand],
    ...Object.entries(item.attributes)
      .filter(([name]) => !HIDDEN.has(name))
      .map(([name, value]): [string, unknown] => [t.item.attributes[name] ?? name, value]),
  ];
  return named.map(([name, value]): [string, string] => [name, inWords(value)]).filter(([, text]) => text !== "");
}

/** An item's variants as far as they can be read. */
export function variantsOf({ attributes: { variants } }: Item): Variant[] {
  if (!Array.isArray(variants)) return [];
  return variants
    .filter((one): one is Record<string, unknown> => typeof one === "object" && one !== null && !Array.isArray(one))
    .map(({ price, in_stock, currency, quantity, sku, id, image, ...options }) => ({
      options: Object.fromEntries(Object.entries(options).map(([name, value]) => [name, inWords(value)])),
      price: typeof price === "number" ? price : null,
      in_stock: typeof in_stock === "boolean" ? in_stock : null,
    }));
}

/** By what the assistant recognises an item: its vectors, and what it could not read. */
export function tracesOf({ pictures, vectors }: ItemDetail, t: Messages): [string, string][] {
  const lost = pictures.filter(({ reason }) => reason !== null).map(({ name, reason }) => `${name}: ${reason}`);
  const spaces = vectors.map(({ space, count, encoder }): [string, string] => [
    t.item.spaces[space] ?? space,
    t.item.vectors(count, encoder?.encoder ?? ""),
  ]);
  return lost.length ? [...spaces, [t.item.unread, lost.join("; ")]] : spaces;
}

/** A stretch of speech in one of an item's videos ("0", "1", ...) or recordings ("a0", ...). */
export interface Said {
  video: string;
  second: number;
  text: string;
}

/** What is said in an item's recordings and videos, as far as it can be read. */
export function saidIn({ attributes: { spoken_words } }: Item): Said[] {
  if (!Array.isArray(spoken_words)) return [];
  return spoken_words.flatMap((line: unknown) => {
    const { video, second, text } = (typeof line === "object" && line !== null ? line : {}) as Partial<Said>;
    const isSaid = typeof video === "string" && typeof second === "number" && typeof text === "string";
    return isSaid && second >= 0 ? [{ video, second, text }] : [];
  });
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(inWords).filter(Boolean).join(", ");
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
}
