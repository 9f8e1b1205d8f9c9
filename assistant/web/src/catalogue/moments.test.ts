import { expect, test } from "vitest";
import { itemMoment, momentIn } from "./moments";

test("the address of a moment is read back", () => {
  const moment = { video: "1", second: 14.5 };
  expect(itemMoment("tent/red", moment)).toBe("/catalogue/tent%2Fred?video=1&t=14.5");
  expect(momentIn("video=1&t=14.5")).toEqual(moment);
});

test.each(["", "t=14", "video=0&t=soon", "video=0&t=-1"])("%s names no moment", (search) => {
  expect(momentIn(search)).toBeNull();
});
