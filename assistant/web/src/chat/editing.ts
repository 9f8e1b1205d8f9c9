/** Taking the last message back into the field. */

import type { Constraint, Dropped } from "../api/types";
import { draftOf } from "./conversations";
import type { Turn } from "./turn";

/** The conditions that a message set, so that an edited one starts without them. */
export function conditionsOf({ said, attachments }: Pick<Turn, "said" | "attachments">, held: Constraint[]): Dropped[] {
  const text = said.toLowerCase();
  return held
    .filter(({ source, words }) =>
      source === "text"
        ? words !== "" && text.includes(words.toLowerCase())
        : attachments.some(({ id }) => id === source),
    )
    .map(({ field, value, attribute }) => ({ field, value, attribute: attribute ?? null }));
}

/** The files of a message, as they were sent or read again; those that cannot be read any more are left out. */
export async function filesOf({ messageId, attachments }: Pick<Turn, "messageId" | "attachments">): Promise<File[]> {
  const draft = draftOf(messageId);
  if (draft) return [...draft.images, ...draft.audio, ...draft.video];
  const read = async ({ url, name }: Turn["attachments"][number]) => {
    const response = await fetch(url);
    if (!response.ok) return [];
    const blob = await response.blob();
    return [new File([blob], name, { type: blob.type })];
  };
  return (await Promise.all(attachments.map((one) => read(one).catch(() => [])))).flat();
}
