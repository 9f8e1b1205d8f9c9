import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import type { Constraint } from "../api/types";
import { Constraints } from "./Constraints";

const limit: Constraint = { field: "max_price", value: 49.99, exclusive: true, source: "text", words: "under 50" };
const red: Constraint = {
  field: "attributes",
  attribute: "color",
  value: "red",
  source: "text",
  words: "red",
  exclusive: false,
};

const shown = (constraints: Constraint[], preferences: Constraint[]) =>
  renderToStaticMarkup(
    <Constraints
      constraints={constraints}
      preferences={preferences}
      turns={[]}
      isDisabled={false}
      onRemove={() => {}}
    />,
  );

test("what is preferred stands apart from what is required, and both can be removed", () => {
  const [required = "", preferred = ""] = shown([limit], [red]).split("Preferred, not required");
  expect(required).toContain("Conditions in force");
  expect(required).toContain("under 50");
  expect(preferred).toContain("color red");
  expect(preferred).not.toContain("under 50");
  for (const part of [required, preferred]) expect(part).toContain('aria-label="Remove"');
});

test.each([
  [
    "a limit that itself is not meant is said as the customer said it",
    { ...limit, value: 99.99, currency: "USD" },
    "under $100",
  ],
  ["a limit that is meant", { ...limit, value: 99.99, exclusive: false, currency: "USD" }, "at most $99.99"],
  ["a limit in whole units", { ...limit, value: 90, exclusive: false, currency: "EUR" }, "at most €90"],
  ["a lower limit", { ...limit, field: "min_price" as const, value: 50.01, currency: "GBP" }, "over £50"],
  ["a limit without a currency", limit, "under 50"],
  ["a limit in what is no currency", { ...limit, currency: "points" }, "under 50 points"],
])("%s", (_, constraint, words) => {
  expect(shown([constraint], [])).toContain(`>${words}<`);
});

test("what is not there has no heading", () => {
  expect(shown([limit], [])).not.toContain("Preferred");
  expect(shown([], [red])).not.toContain("Conditions");
  expect(shown([], [])).toBe("");
});
