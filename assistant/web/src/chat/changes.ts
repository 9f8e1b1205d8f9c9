import type { Change } from "../api/types";
import { useDeveloper } from "../app/choices";
import type { Turn } from "./turn";

/** What is other than on the first cards: what the customer's conditions did; for developers also what searches and models did. */
export function useShownChanges(turn: Turn): Change[] {
  const isDeveloper = useDeveloper();
  return isDeveloper ? turn.changes : turn.changes.filter(({ cause }) => cause === "condition");
}
