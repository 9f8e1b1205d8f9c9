import type { Item, ItemDetail } from "../api/types";
import type { Messages } from "../i18n";

/** What is kept for machines rather than readers. */
const HIDDEN = new Set(["variants", "facets", "sku", "slug"]);

/** An item's category, brand and attributes as names and texts. */
export function factsOf(item: Item, t: Messages): [string, string][] {
  const named: [string, unknown][] = [
    [t.item.category, item.category],
    [t.item.brand, item.brand],
    ...Object.entries(item.attributes).filter(([name]) => !HIDDEN.has(name)),
  ];
  return named.map(([name, value]): [string, string] => [name, inWords(value)]).filter(([, text]) => text !== "");
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
