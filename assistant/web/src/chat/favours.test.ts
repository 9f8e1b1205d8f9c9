import { expect, test } from "vitest";
import type { Evidence, Item } from "../api/types";
import { favours } from "./favours";
import type { CardView } from "./turn";

const item = (id: string, more: Partial<Item>): Item => ({
  id,
  title: id,
  description: "",
  images: [],
  audio: [],
  video: [],
  attributes: {},
  ...more,
});
const card = (item_id: string, ...evidence: [source: string, sentence: string][]): CardView => ({
  item_id,
  title: item_id,
  price: 1,
  currency: "USD",
  variant: null,
  explanation: "",
  explainedBy: null,
  evidence: evidence.map(
    ([source, sentence], n): Evidence => ({
      id: `e${n}`,
      source,
      sentence,
      detail: sentence,
      score: null,
    }),
  ),
});

const USD = { currency: "USD" };

test("the lower price, and by how much", () => {
  const [one, other] = favours([], [item("a", { ...USD, price: 44.95 }), item("b", { ...USD, price: 160 })]);
  expect(one).toEqual([{ kind: "cheaper", by: 115.05, currency: "USD" }]);
  expect(other).toEqual([]);
});

test.each([
  ["the same price", { ...USD, price: 160 }],
  ["another currency", { currency: "EUR", price: 10 }],
  ["no price", { ...USD, price: null }],
])("%s speaks for neither", (_, more) => {
  expect(favours([], [item("a", { ...USD, price: 160 }), item("b", more)])).toEqual([[], []]);
});

test("stock speaks for an item only where the other is known to be sold out", () => {
  const stock = { kind: "stock" };
  expect(favours([], [item("a", { in_stock: true }), item("b", { in_stock: false })])).toEqual([[stock], []]);
  expect(favours([], [item("a", { in_stock: true }), item("b", {})])).toEqual([[], []]);
});

test("what fits the wish and is true of one alone", () => {
  const cards = [
    card("a", ["keyword", "its text mentions shoes"], ["picture", "it looks like your photo"], ["price", "it costs 5"]),
    card("b", ["keyword", "its text mentions shoes"]),
  ];
  expect(favours(cards, [item("a", {}), item("b", {})])).toEqual([
    [{ kind: "fit", sentence: "it looks like your photo" }],
    [],
  ]);
});
