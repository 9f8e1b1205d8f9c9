/** Which thumbs are pressed. */

import { create } from "zustand";

export type Opinion = "like" | "dislike";

/** By session and item. */
export const useOpinions = create<Record<string, Opinion>>(() => ({}));

export function noteOpinion(sessionId: string, itemId: string, event: string) {
  if (event === "like" || event === "dislike") useOpinions.setState({ [`${sessionId} ${itemId}`]: event });
}
