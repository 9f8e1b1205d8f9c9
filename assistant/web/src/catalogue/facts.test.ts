import { expect, test } from "vitest";
import type { Item } from "../api/types";
import { saidIn } from "./facts";

const saying = (spoken_words: unknown): Item => ({
  id: "talk",
  title: "Talk",
  description: "",
  images: [],
  audio: ["talk.mp3"],
  video: [],
  attributes: { spoken_words },
});

test("what is said is read with its seconds", () => {
  const line = { video: "a0", second: 14.2, text: "The marmot lives here." };
  expect(saidIn(saying([line]))).toEqual([line]);
});

test.each([
  [undefined],
  ["text"],
  [[1, null, "text", {}]],
  [[{ video: "0", second: -1, text: "x" }]],
  [[{ video: "0", second: "1", text: "x" }]],
])("%j says nothing", (spoken) => {
  expect(saidIn(saying(spoken))).toEqual([]);
});
