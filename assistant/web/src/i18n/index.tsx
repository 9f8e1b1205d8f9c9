import { createContext, type ReactNode, use, useEffect, useState } from "react";
import { I18nProvider } from "react-aria-components";
import { remember, remembered } from "../app/storage";
import { en, type Messages } from "./en";
import { zh } from "./zh";

export type { Messages };
export type Language = "en" | "zh";

const LANGUAGES = { en, zh } satisfies Record<Language, Messages>;
const LOCALES = { en: "en-US", zh: "zh-CN" } satisfies Record<Language, string>;

interface Speech {
  language: Language;
  locale: string;
  t: Messages;
  setLanguage: (language: Language) => void;
}

const SpeechContext = createContext<Speech>({ language: "en", locale: LOCALES.en, t: en, setLanguage: () => {} });

/** Gives every component the interface's language, and tells the browser which one it is. */
export function SpeechProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  const t = LANGUAGES[language];
  useEffect(() => {
    document.documentElement.lang = LOCALES[language];
    remember("language", language);
  }, [language]);
  return (
    <SpeechContext value={{ language, locale: LOCALES[language], t, setLanguage }}>
      <I18nProvider locale={LOCALES[language]}>{children}</I18nProvider>
    </SpeechContext>
  );
}

export const useSpeech = () => use(SpeechContext);
export const useMessages = () => use(SpeechContext).t;

/** The language of the address (?lang=zh), else the one chosen earlier, else the first of the browser's that there is. */
function firstLanguage(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  const wanted = [asked ?? "", remembered("language") ?? "", ...navigator.languages];
  const found = wanted.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES);
  return found === "zh" ? "zh" : "en";
}
