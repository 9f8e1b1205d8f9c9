import type { Item, ItemDetail, Variant } from "../api/types";
import type { Messages } from "../i18n";

/** What is kept for machines rather than readers. */
const HIDDEN = new Set(["variants", "facets", "sku", "slug", "price_max", "list_price", "availability"]);

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

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(inWords).filter(Boolean).join(", ");
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
}
