import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { LevelMeter } from "./LevelMeter";
import { moved, SILENCE } from "./level";

const heights = (html: string) => [...html.matchAll(/scaleY\(([\d.]+)\)/g)].map(([, height]) => Number(height));

test("silence shows a flat row and stands at nought", () => {
  const html = renderToStaticMarkup(<LevelMeter levels={SILENCE} />);
  expect(html).toContain('role="meter"');
  expect(html).toContain('aria-valuenow="0"');
  expect(new Set(heights(html)).size).toBe(1);
});

test("sound raises the last bar and the value, and moves on", () => {
  const loud = moved(SILENCE, 0.42);
  const html = renderToStaticMarkup(<LevelMeter levels={loud} />);
  expect(html).toContain('aria-valuenow="42"');
  expect(heights(html).at(-1)).toBe(0.42);
  const later = heights(renderToStaticMarkup(<LevelMeter levels={moved(loud, 0)} />));
  expect(later.at(-1)).toBeLessThan(0.42);
  expect(later.at(-2)).toBe(0.42);
});
