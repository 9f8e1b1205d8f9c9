import { expect, test } from "vitest";
import { readable } from "./shop";

test.each([
  ["#ffffff", "#000"],
  ["#000000", "#fff"],
  ["#1a73e8", "#000"],
  ["#17635c", "#fff"],
  ["#ffd400", "#000"],
])("on %s words are %s", (colour, words) => {
  expect(readable(colour)).toBe(words);
});
