import { expect, test } from "vitest";
import { itemMoment, momentOf } from "./moments";

test("the address of a moment is read back", () => {
  const moment = { video: "1", second: 14.5 };
  expect(itemMoment("tent/red", moment)).toBe("/catalogue/tent%2Fred/video/1/14.5");
  expect(momentOf("1", "14.5")).toEqual(moment);
});

test.each([
  [undefined, undefined],
  ["0", "soon"],
  ["0", "-1"],
])("video %s and second %s name no moment", (video, second) => {
  expect(momentOf(video, second)).toBeNull();
});
