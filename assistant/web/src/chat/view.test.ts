import { expect, test } from "vitest";
import type { Item } from "../api/types";
import type { CardView } from "./turn";
import { AS_RANKED, brandsOf, isOneCurrency, viewed } from "./view";

const card = (item_id: string, price: number | null, currency = "USD"): CardView => ({
  item_id,
  title: item_id,
  price,
  currency,
  variant: null,
  explanation: "",
  explainedBy: null,
  evidence: [],
});
const item = (id: string, brand: string | null, in_stock: boolean | null): [string, Item] => [
  id,
  { id, title: id, description: "", images: [], audio: [], video: [], attributes: {}, brand, in_stock },
];

const cards = [card("dear", 90), card("unpriced", null), card("cheap", 9), card("free", 0)];
const items = new Map([
  item("dear", "Oak", true),
  item("unpriced", "Elm", false),
  item("cheap", null, null),
  item("free", "Oak", false),
]);
const ids = (view: Partial<typeof AS_RANKED>) =>
  viewed(cards, items, { ...AS_RANKED, ...view }).map(({ item_id }) => item_id);

test.each([
  ["as ranked", {}, ["dear", "unpriced", "cheap", "free"]],
  ["cheapest first, without a price last", { sort: "price" }, ["free", "cheap", "dear", "unpriced"]],
  ["dearest first, without a price last", { sort: "-price" }, ["dear", "cheap", "free", "unpriced"]],
  ["known to be in stock", { inStock: true }, ["dear"]],
  ["of one brand", { brand: "Oak", sort: "price" }, ["free", "dear"]],
  ["nothing fits", { brand: "Oak' or 1=1" }, []],
] as const)("%s", (_, view, expected) => {
  expect(ids(view)).toEqual(expected);
});

test("a chosen variant's stock counts, not the item's", () => {
  const sold = { ...card("dear", 90), variant: { options: { size: "43" }, price: 90, in_stock: false } };
  expect(viewed([sold], items, { ...AS_RANKED, inStock: true })).toEqual([]);
});

test("prices of several currencies have no order", () => {
  expect(isOneCurrency(cards)).toBe(true);
  expect(isOneCurrency([...cards, card("other", 5, "EUR")])).toBe(false);
  expect(isOneCurrency([card("a", null, "EUR"), card("b", 5, "USD")])).toBe(true);
});

test("brands are named once", () => {
  expect(brandsOf(items)).toEqual(["Elm", "Oak"]);
});
