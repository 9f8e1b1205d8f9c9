import { expect, test } from "vitest";
import { canDictate, joined } from "./useDictation";

const heard = (...texts: string[]) => texts.map((transcript) => [{ transcript }]);

test.each([
  ["", heard("a red chair"), "a red chair"],
  ["I want", heard("a red", " chair"), "I want a red chair"],
  ["I want ", heard("a chair"), "I want a chair"],
  ["I want", heard(" a chair"), "I want a chair"],
  ["我想要", heard("一把椅子"), "我想要一把椅子"],
  ["a chair", [], "a chair"],
  ["", [[]], ""],
])("“%s” and what is heard", (before, results, text) => {
  expect(joined(before, results)).toBe(text);
});

test("a browser without recognition has no dictation", () => {
  expect(canDictate()).toBe(false);
});
