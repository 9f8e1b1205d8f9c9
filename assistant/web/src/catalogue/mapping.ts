/** The geometry of the map: groups with their colours, places on the screen, and the way from dot to dot. */

import type { MapPoint } from "../api/types";

/** Colours that can be told apart, also with the common kinds of colour blindness, on light and dark ground. */
const COLOURS = [
  "#0f8b8d",
  "#e07a1f",
  "#6a5acd",
  "#c2417c",
  "#5b8c2a",
  "#2f7fd1",
  "#b8860b",
  "#a0522d",
  "#7a8790",
  "#d1495b",
];

export interface Group {
  name: string;
  colour: string;
  members: MapPoint[];
}

/** Points by the first level of their category, the largest group first. */
export function groupByCategory(points: MapPoint[]): Group[] {
  const byName = Map.groupBy(points, ({ category }) => category?.split(">")[0]?.trim() ?? "");
  return [...byName]
    .sort(([, one], [, other]) => other.length - one.length)
    .map(([name, members], index) => ({ name, members, colour: COLOURS[index % COLOURS.length] ?? "#7a8790" }));
}

export interface Placed {
  point: MapPoint;
  colour: string;
  x: number;
  y: number;
}

/** Points placed in a rectangle with a margin, keeping proportions. */
export function place(groups: Group[], width: number, height: number, margin: number): Placed[] {
  const points = groups.flatMap(({ members, colour }) => members.map((point) => ({ point, colour })));
  const [left, right] = extent(points.map(({ point }) => point.x));
  const [top, bottom] = extent(points.map(({ point }) => point.y));
  const scale = Math.min((width - 2 * margin) / (right - left || 1), (height - 2 * margin) / (bottom - top || 1));
  return points.map(({ point, colour }) => ({
    point,
    colour,
    x: width / 2 + (point.x - (left + right) / 2) * scale,
    y: height / 2 + (point.y - (top + bottom) / 2) * scale,
  }));
}

/** The placed point nearest to a spot, within a distance. */
export function nearest(placed: Placed[], x: number, y: number, within: number): Placed | null {
  let best: Placed | null = null;
  let least = within ** 2;
  for (const candidate of placed) {
    const distance = (candidate.x - x) ** 2 + (candidate.y - y) ** 2;
    if (distance <= least) [best, least] = [candidate, distance];
  }
  return best;
}

export const DIRECTIONS: Record<string, [number, number]> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
};

/** The next point from one in a direction: near, and more ahead than aside. */
export function next(placed: Placed[], from: Placed, [dx, dy]: [number, number]): Placed | null {
  let best: Placed | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of placed) {
    const ahead = (candidate.x - from.x) * dx + (candidate.y - from.y) * dy;
    const aside = Math.abs((candidate.x - from.x) * dy + (candidate.y - from.y) * dx);
    const cost = ahead + 2 * aside;
    if (ahead > 0 && ahead >= aside / 2 && cost < least) [best, least] = [candidate, cost];
  }
  return best;
}

function extent(values: number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}
