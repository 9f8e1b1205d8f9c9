import type { Moment } from "../api/types";

/** The address of an item's page at a second of one of its videos. */
export const itemMoment = (itemId: string, { video, second }: Moment) =>
  `/catalogue/${encodeURIComponent(itemId)}?video=${video}&t=${second}`;

/** The place in a video that the address of an item's page names; null where it names none. */
export function momentIn(search: string): Moment | null {
  const values = new URLSearchParams(search);
  const second = Number(values.get("t"));
  const video = values.get("video");
  return video !== null && second >= 0 && Number.isFinite(second) ? { video, second } : null;
}
