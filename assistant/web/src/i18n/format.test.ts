import { expect, test } from "vitest";
import { en } from "./en";
import { clock, price, sentence } from "./format";
import { ordinal } from "./words";
import { zh } from "./zh";

test.each([
  [44.95, "USD", "en-US", "$44.95"],
  [1299, "EUR", "en-US", "€1,299.00"],
  [60, null, "en-US", "60"],
  [60, "credits", "en-US", "60 credits"],
])("a price of %s %s in %s is %s", (value, currency, locale, text) => {
  expect(price(value, currency, locale)).toBe(text);
});

test("an unknown price has no text", () => {
  expect(price(null, "USD", "en-US")).toBeNull();
});

test("a time is minutes and seconds", () => {
  expect([clock(7.9), clock(65)]).toEqual(["0:07", "1:05"]);
});

test("a problem is one sentence in the language of the page", () => {
  expect(sentence({ status: 429, title: "", detail: "", retryAfter: 7 }, en)).toBe(
    "Too many requests. Try again in 7 seconds.",
  );
  expect(sentence({ status: 0, title: "", detail: "" }, zh)).toBe(zh.problems.unreachable);
  expect(sentence({ status: 503, title: "Missing", detail: "No model." }, en)).toBe("No model.");
});

test("messages that steer use words that the assistant reads", () => {
  expect(en.say.compare(1, 3)).toBe("Compare the first and the third one");
  expect(zh.say.not(2)).toBe("不要第二个");
  expect(ordinal(7)).toBe("number 7");
});
