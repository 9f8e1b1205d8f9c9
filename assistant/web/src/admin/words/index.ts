/** The admin page's sentences, apart from the shoppers', so that nobody else loads them. */

import { use } from "react";
import { type Language, useSpeech } from "../../i18n";
import { en, type Words } from "./en";

/** The words of each language, fetched when the page is shown in it. */
export const WORDS = {
  en: async () => en,
  de: async () => (await import("./de")).de,
  es: async () => (await import("./es")).es,
  fr: async () => (await import("./fr")).fr,
  zh: async () => (await import("./zh")).zh,
} satisfies Record<Language, () => Promise<Words>>;

const fetched: Partial<Record<Language, Promise<Words>>> = {};

/** The page's words in the interface's language, English where they cannot be fetched. Suspends until they are there. */
export function useWords(): Words {
  const { language } = useSpeech();
  fetched[language] ??= WORDS[language]().catch(() => en);
  return use(fetched[language]);
}
