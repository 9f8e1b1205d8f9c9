/** Evidence as the panel shows it: grouped by where it comes from, beside what the user gave. */

import type { Attachment, Evidence, PictureNote, TranscriptNote } from "../api/types";
import type { Turn } from "./turn";

const ORDER = [
  "picture",
  "picture_words",
  "sound",
  "picture_text",
  "text_picture",
  "keyword",
  "dense",
  "attribute",
  "price",
  "stock",
  "session",
];

export interface EvidenceGroup {
  source: string;
  entries: Evidence[];
}

export function groupBySource(evidence: Evidence[]): EvidenceGroup[] {
  const groups = new Map<string, Evidence[]>();
  for (const entry of evidence) groups.set(entry.source, [...(groups.get(entry.source) ?? []), entry]);
  const place = (source: string) => (ORDER.includes(source) ? ORDER.indexOf(source) : ORDER.length);
  return [...groups]
    .map(([source, entries]) => ({ source, entries }))
    .sort((one, other) => place(one.source) - place(other.source));
}

/** The fact in words, in the reply's language where that is kept. */
export const wordsOf = ({ sentence, detail }: Evidence) => sentence || detail;

/** What the user gave: words, recordings and pictures that an item's evidence may rest on. */
export interface Given {
  text: string;
  transcripts: TranscriptNote[];
  pictures: (PictureNote & { url: string | null; name: string; kind: Attachment["kind"] })[];
  numbers: number[];
}

/** A bound, and the number that was said if it itself was not meant: "under 100" is the bound 99.99. */
function asSaid(bound: number): number[] {
  const said = Math.round(bound * 100 + 1) / 100;
  return Number.isInteger(said) ? [bound, said] : [bound];
}

/** What was given up to a turn. A follow-up without a picture goes on with the last one that was shown. */
export function givenUpTo(turns: Turn[], index: number): Given {
  const turn = turns[index];
  const attachments = new Map<string, Attachment>(
    turns.slice(0, index + 1).flatMap((earlier) => earlier.attachments.map((one) => [one.id, one] as const)),
  );
  const withPictures = turns.slice(0, index + 1).findLast((earlier) => earlier.reply?.query.pictures.length);
  const { max_price, min_price } = turn?.reply?.constraints ?? {};
  return {
    text: turn?.said ?? "",
    transcripts: turn?.reply?.query.transcripts.filter((note) => note.text) ?? [],
    pictures: (withPictures?.reply?.query.pictures ?? []).map((note) => ({
      ...note,
      url: attachments.get(note.attachment)?.url ?? null,
      name: attachments.get(note.attachment)?.name ?? note.attachment,
      kind: attachments.get(note.attachment)?.kind ?? "picture",
    })),
    numbers: [max_price, min_price].filter((value) => typeof value === "number").flatMap(asSaid),
  };
}
