import { expect, test } from "vitest";
import type { Reply } from "../api/types";
import { givenUpTo, groupBySource, wordsOf } from "./evidence";
import { runningTurn, type Turn } from "./turn";

const entry = (id: string, source: string) => ({ id, source, detail: id, sentence: id, score: null });

test("evidence is grouped by source, what says most first and unknown sources last", () => {
  const groups = groupBySource([entry("1", "price"), entry("2", "taste"), entry("3", "picture"), entry("4", "price")]);
  expect(groups.map(({ source, entries }) => [source, entries.map(({ id }) => id)])).toEqual([
    ["picture", ["3"]],
    ["price", ["1", "4"]],
    ["taste", ["2"]],
  ]);
});

test("evidence of an earlier version speaks English", () => {
  expect(wordsOf({ id: "e1", source: "price", detail: "it costs 5", sentence: "", score: null })).toBe("it costs 5");
});

function turn(said: string, query: Partial<Reply["query"]>, attachments: Turn["attachments"] = []): Turn {
  const reply = {
    query: { text: said, transcripts: [], pictures: [], ...query },
    constraints: { max_price: 100, include_terms: ["black"] },
  } as unknown as Reply;
  return { ...runningTurn(said, 0), said, attachments, reply };
}

test("a follow-up goes on with the last picture, and numbers are the bounds", () => {
  const shown = turn("like this", { pictures: [{ attachment: "img1", labels: [] }] }, [
    { id: "img1", kind: "picture", name: "shoe.jpg", url: "/shoe" },
  ]);
  const given = givenUpTo([shown, turn("cheaper", {})], 1);
  expect(given.text).toBe("cheaper");
  expect(given.pictures).toMatchObject([{ attachment: "img1", url: "/shoe", name: "shoe.jpg" }]);
  expect(given.numbers).toEqual([100]);
});
