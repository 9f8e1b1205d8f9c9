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

const oneLine = (text: string) => text.replace(/\s+/g, " ").trim();
