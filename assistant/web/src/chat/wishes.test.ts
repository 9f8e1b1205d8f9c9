import { expect, test } from "vitest";
import type { Hit } from "../api/types";
import { en } from "../i18n/en";
import { roundUp, wishesOf } from "./wishes";

const sample = (category: string, more: Partial<Hit>) => ({
  category,
  item: { item_id: "x", title: "Oak Stool", score: 0, signals: [], ...more },
});

test.each([
  [44.95, 50],
  [100, 100],
  [160, 200],
  [0.07, 0.08],
  [9.5, 10],
  [1299, 1500],
])("a price of %s is under %s", (price, rounded) => {
  expect(roundUp(price)).toBe(rounded);
});

test("each wish asks for something else, of what the catalogue has", () => {
  const item = { price: 44.95, currency: "USD", brand: "Nike", in_stock: true };
  const found = ["Shoes", "Home > Chairs", "Toys", "Lamps", "Hats"].map((category) => sample(category, item));
  expect(wishesOf(found, en, "en-US")).toEqual([
    "Shoes under $50",
    "Chairs by Nike",
    "Toys, in stock",
    "Something like Oak Stool",
  ]);
});

test("what is not known is not asked for", () => {
  expect(wishesOf([sample("Shoes", {}), sample("Hats", { in_stock: false, price: 0 })], en, "en-US")).toEqual([
    "Something like Oak Stool",
  ]);
  expect(wishesOf([], en, "en-US")).toEqual([]);
});
