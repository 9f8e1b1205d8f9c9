import type { Evidence } from "../api/types";
import { useMessages } from "../i18n";
import { markWords } from "./marking";

interface Props {
  text: string;
  evidence: Evidence[];
  numbers: number[];
}

/** A text with the words marked that an item's evidence mentions. */
export function MarkedText({ text, evidence, numbers }: Props) {
  const t = useMessages();
  return markWords(text, evidence, numbers).map((piece, index) =>
    piece.marked ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text stay where they are
      <mark key={index} title={t.evidence.marked}>
        {piece.text}
      </mark>
    ) : (
      piece.text
    ),
  );
}
