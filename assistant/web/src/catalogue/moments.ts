import type { Moment } from "../api/types";

/** The address of an item's page at a second of one of its videos. */
export const itemMoment = (itemId: string, { video, second }: Moment) =>
  `/catalogue/${encodeURIComponent(itemId)}/video/${video}/${second}`;

/** The place in a video that the parts of such an address name; null where they name none. */
export function momentOf(video: string | undefined, second: string | undefined): Moment | null {
  const seconds = Number(second);
  return video && second && seconds >= 0 ? { video, second: seconds } : null;
}
