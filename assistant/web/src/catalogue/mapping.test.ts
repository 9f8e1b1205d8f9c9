import { expect, test } from "vitest";
import type { MapPoint } from "../api/types";
import { DIRECTIONS, groupByCategory, nearest, next, place } from "./mapping";

const point = (item_id: string, x: number, y: number, category: string | null = null): MapPoint => ({
  item_id,
  title: item_id,
  category,
  x,
  y,
});

const square = place(
  groupByCategory([point("a", 0, 0), point("b", 1, 0), point("c", 0, 1), point("d", 1, 1)]),
  220,
  120,
  10,
);
const at = (id: string) => {
  const found = square.find((dot) => dot.point.item_id === id);
  if (!found) throw new Error(`${id} is not on the map`);
  return found;
};

test("points are grouped by the first level of their category, the largest group first", () => {
  const groups = groupByCategory([
    point("a", 0, 0, "Home > Chairs"),
    point("b", 0, 0, "Toys"),
    point("c", 0, 0, "Toys"),
  ]);
  expect(groups.map(({ name, members }) => [name, members.length])).toEqual([
    ["Toys", 2],
    ["Home", 1],
  ]);
  expect(groups[0]?.colour).not.toBe(groups[1]?.colour);
});

test("points are placed inside the margin, in proportion, in the middle", () => {
  expect(square.map(({ x, y }) => [x, y])).toEqual([
    [60, 10],
    [160, 10],
    [60, 110],
    [160, 110],
  ]);
});

test("a single point stands in the middle", () => {
  expect(place(groupByCategory([point("a", 3, 4)]), 100, 50, 10)).toMatchObject([{ x: 50, y: 25 }]);
});

test("the nearest point is found within reach only", () => {
  expect(nearest(square, 62, 14, 10)?.point.item_id).toBe("a");
  expect(nearest(square, 100, 60, 10)).toBeNull();
});

test("arrow keys lead to the next point in their direction", () => {
  expect(next(square, at("a"), DIRECTIONS.ArrowRight ?? [0, 0])?.point.item_id).toBe("b");
  expect(next(square, at("a"), DIRECTIONS.ArrowDown ?? [0, 0])?.point.item_id).toBe("c");
  expect(next(square, at("a"), DIRECTIONS.ArrowLeft ?? [0, 0])).toBeNull();
});
