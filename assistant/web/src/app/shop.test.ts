import { expect, test } from "vitest";
import { contrast, legible } from "./shop";

const rgb = (colour: string) => (colour.match(/\d+/g) ?? []).map(Number) as [number, number, number];

test("contrast is as WCAG has it", () => {
  expect(contrast([255, 255, 255], [0, 0, 0])).toBeCloseTo(21);
  expect(contrast([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.48, 2);
});

test("a colour that can be read stays", () => {
  expect(legible("#17635c", [255, 255, 255], [0, 0, 0])).toBe("rgb(23 99 92)");
});

test.each(["#ffd400", "#ffffff", "#1a73e8", "#ff0000", "#000000"])(
  "words in %s can be read in both schemes",
  (colour) => {
    for (const [ground, towards] of [
      [
        [255, 255, 255],
        [0, 0, 0],
      ],
      [
        [40, 46, 45],
        [255, 255, 255],
      ],
    ] as [[number, number, number], [number, number, number]][]) {
      expect(contrast(rgb(legible(colour, ground, towards)), ground)).toBeGreaterThanOrEqual(4.5);
    }
  },
);
