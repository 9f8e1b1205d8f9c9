/** Which words of what the user said an item's evidence speaks of. */

import type { Evidence } from "../api/types";

export interface Piece {
  text: string;
  marked: boolean;
}

/** Words of the evidence's own sentences, which say nothing about the item. */
const COMMON = new Set(
  (
    "a an and are as at be but by costs does fits for from has have i in is it its like limit looks me mentions my no not of on " +
    "or over please says similarity somewhat stock than that the this to under with within you your"
  ).split(" "),
);

/** Cut a text into pieces, marking the words that the evidence mentions and the given numbers. */
export function markWords(text: string, evidence: Evidence[], numbers: number[] = []): Piece[] {
  const mentioned = new Set(evidence.flatMap((entry) => contentWords(entry.detail)));
  for (const number of numbers) mentioned.add(String(number));
  const pieces: Piece[] = [];
  for (const { segment, isWordLike } of segmenter.segment(text)) {
    const marked = isWordLike === true && mentioned.has(normalise(segment));
    const last = pieces.at(-1);
    if (last && last.marked === marked) last.text += segment;
    else pieces.push({ text: segment, marked });
  }
  return pieces;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

function contentWords(text: string): string[] {
  return [...segmenter.segment(text)]
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => normalise(segment))
    .filter((word) => !COMMON.has(word) && !isSingleLetter(word));
}

/** Lower case, and singular where that is only an "s" away. */
function normalise(word: string): string {
  const lower = word.toLowerCase();
  if (/^[a-z]+s$/.test(lower) && lower.length > 3 && !lower.endsWith("ss")) return lower.slice(0, -1);
  return lower.replace(/[,.]0+$/, "");
}

const isSingleLetter = (word: string) => /^[a-z\d]$/.test(word);
