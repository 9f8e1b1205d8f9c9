import { price } from "../i18n/format";
import type { CardView } from "./turn";

/** An answer as plain text: the message, and each item with its price, its reason and the shop's page of it. */
export function answerAsText(
  said: string,
  message: string,
  cards: CardView[],
  urls: Map<string, string>,
  locale: string,
): string {
  const items = cards.map((card, index) => {
    const head = [card.title, price(card.price, card.currency, locale)].filter(Boolean).join(" – ");
    const lines = [`${index + 1}. ${head}`, card.explanation, urls.get(card.item_id) ?? ""];
    return lines.map(oneLine).filter(Boolean).join("\n   ");
  });
  return [said && `“${oneLine(said)}”`, message.trim(), ...items].filter(Boolean).join("\n\n");
}

/** An answer as it is read aloud: its message, and of each item title, price and reason. */
export const answerAloud = (message: string, cards: CardView[], locale: string): string =>
  [message, ...cards.map((card) => [card.title, price(card.price, card.currency, locale), card.explanation])]
    .flat()
    .filter(Boolean)
    .map((part) => oneLine(part ?? "").replace(/([^.!?:。！？：])$/u, "$1."))
    .join(" ");

/** The sentences of a text. */
export const sentencesOf = (text: string, language: string): string[] =>
  Array.from(new Intl.Segmenter(language, { granularity: "sentence" }).segment(text), ({ segment }) =>
    segment.trim(),
  ).filter(Boolean);

const oneLine = (text: string) => text.replace(/\s+/g, " ").trim();
