import { expect, test } from "vitest";
import type { Constraint } from "../api/types";
import { conditionsOf } from "./editing";

const held = (words: string, source = "text"): Constraint => ({
  field: "include_terms",
  value: words,
  words,
  source,
  exclusive: false,
});
const values = (said: string, conditions: Constraint[], ids: string[] = []) =>
  conditionsOf({ said, attachments: ids.map((id) => ({ id, kind: "audio", name: id, url: "" })) }, conditions).map(
    ({ value }) => value,
  );

test("an edited message starts without the conditions that it set, and keeps those of earlier ones", () => {
  expect(values("Red shoes under 100 dollars", [held("red"), held("100 dollars"), held("leather")])).toEqual([
    "red",
    "100 dollars",
  ]);
});

test("what was said in its recording is taken back with it", () => {
  expect(values("", [held("black", "aud2"), held("cheap", "aud1")], ["aud2"])).toEqual(["black"]);
});

test("a condition without words belongs to no message", () => {
  expect(values("shoes", [held("")])).toEqual([]);
});
