import { createContext, type ReactNode, startTransition, use, useEffect, useState } from "react";
import { I18nProvider } from "react-aria-components";
import { remember, remembered } from "../app/storage";
import { en, type Messages } from "./en";

export type { Messages };

/** Each language by its own name, the form of its dates and numbers, and its words, which are fetched when chosen. */
export const LANGUAGES = {
  en: { name: "English", locale: "en-US", words: async () => en },
  de: { name: "Deutsch", locale: "de-DE", words: async () => (await import("./de")).de },
  es: { name: "Español", locale: "es-ES", words: async () => (await import("./es")).es },
  fr: { name: "Français", locale: "fr-FR", words: async () => (await import("./fr")).fr },
  zh: { name: "中文", locale: "zh-CN", words: async () => (await import("./zh")).zh },
} satisfies Record<string, { name: string; locale: string; words: () => Promise<Messages> }>;

export type Language = keyof typeof LANGUAGES;

interface Spoken {
  language: Language;
  locale: string;
  t: Messages;
}

interface Speech extends Spoken {
  setLanguage: (language: Language) => void;
}

const ENGLISH: Spoken = { language: "en", locale: LANGUAGES.en.locale, t: en };
const SpeechContext = createContext<Speech>({ ...ENGLISH, setLanguage: () => {} });

/** A language with its words; English where they cannot be fetched. */
async function spoken(language: Language): Promise<Spoken> {
  const { locale, words } = LANGUAGES[language];
  return words().then(
    (t) => ({ language, locale, t }),
    () => ENGLISH,
  );
}

/** The language that the page begins with. */
export const firstSpoken = () => spoken(firstLanguage());

/** Gives every component the interface's language, and tells the browser which one it is. */
export function SpeechProvider({ first, children }: { first: Spoken; children: ReactNode }) {
  const [{ language, locale, t }, setSpoken] = useState(first);
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const setLanguage = (chosen: Language) => {
    remember("language", chosen);
    // As a transition: a page with words of its own stays as it is until they are there.
    void spoken(chosen).then((its) => startTransition(() => setSpoken(its)));
  };
  return (
    <SpeechContext value={{ language, locale, t, setLanguage }}>
      <I18nProvider locale={locale}>{children}</I18nProvider>
    </SpeechContext>
  );
}

export const useSpeech = () => use(SpeechContext);
export const useMessages = () => use(SpeechContext).t;

/** The language of the address (?lang=zh), else the one chosen earlier, else the first of the browser's that there is. */
function firstLanguage(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  const wanted = [asked ?? "", remembered("language") ?? "", ...navigator.languages];
  return wanted.map((tag) => tag.slice(0, 2)).find((tag): tag is Language => Object.hasOwn(LANGUAGES, tag)) ?? "en";
}
