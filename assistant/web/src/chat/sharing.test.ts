import { expect, test } from "vitest";
import { answerAloud, answerAsText, sentencesOf } from "./sharing";
import type { CardView } from "./turn";

const card = (more: Partial<CardView>): CardView => ({
  item_id: "a",
  title: "Oak Stool",
  price: 44.5,
  currency: "USD",
  variant: null,
  explanation: "",
  explainedBy: null,
  evidence: [],
  ...more,
});

test("an answer as text has the items with price, reason and link", () => {
  const cards = [card({ explanation: "It is oak." }), card({ item_id: "b", title: "Line\nbreak", price: null })];
  const urls = new Map([["a", "https://shop.example/a"]]);
  expect(answerAsText("a stool", "Here are 2.", cards, urls, "en-US")).toBe(
    "“a stool”\n\nHere are 2.\n\n1. Oak Stool – $44.50\n   It is oak.\n   https://shop.example/a\n\n2. Line break",
  );
});

test("an answer without items is its message", () => {
  expect(answerAsText("", " Hello. ", [], new Map(), "de-DE")).toBe("Hello.");
});

test("an answer is read with titles, prices and reasons, each as a sentence", () => {
  const cards = [card({ explanation: "It is oak." }), card({ title: "Is it?", price: null })];
  expect(answerAloud("Here are 2:", cards, "en-US")).toBe("Here are 2: Oak Stool. $44.50. It is oak. Is it?");
});

test("a text is cut into its sentences", () => {
  expect(sentencesOf("One. Two!  Three?", "en")).toEqual(["One.", "Two!", "Three?"]);
  expect(sentencesOf("一。二！", "zh")).toEqual(["一。", "二！"]);
  expect(sentencesOf("", "en")).toEqual([]);
});
