import { expect, test } from "vitest";
import type { Evidence } from "../api/types";
import { markWords } from "./marking";

const says = (...details: string[]): Evidence[] =>
  details.map((detail, index) => ({ id: `e${index}`, source: "keyword", detail, sentence: detail, score: null }));

const marked = (text: string, evidence: Evidence[], numbers?: number[]) =>
  markWords(text, evidence, numbers)
    .filter((piece) => piece.marked)
    .map((piece) => piece.text);

test("words that the evidence mentions are marked, in any case and number", () => {
  expect(marked("I like Shoes in BLACK please", says("its text mentions shoe, black"))).toEqual(["Shoes", "BLACK"]);
});

test("the words of the evidence's own sentences are not", () => {
  expect(
    marked("in my photo, within your limit", says("it looks like your photo", "it costs 5, within your limit")),
  ).toEqual(["photo"]);
});

test("numbers that are bounds are marked", () => {
  expect(marked("nothing over $100.", says("it costs 44.95 USD"), [100])).toEqual(["100"]);
});

test("Chinese words are found without spaces", () => {
  expect(marked("我想要黑色的鞋子", says("商品文字提到 鞋子，黑色"))).toEqual(["黑色", "鞋子"]);
});

test("the pieces put together are the text", () => {
  const text = "  Black, black shoes!  ";
  expect(
    markWords(text, says("black"))
      .map((piece) => piece.text)
      .join(""),
  ).toBe(text);
});
