import { createContext, type ReactNode, use, useEffect, useState } from "react";
import { I18nProvider } from "react-aria-components";
import { remember, remembered } from "../app/storage";
import { en, type Messages } from "./en";
import { zh } from "./zh";

export type { Messages };

const LANGUAGES = { en, zh };
export type Language = keyof typeof LANGUAGES;
/** Each language by its own name, and the form of its dates and numbers. */
export const LANGUAGE_NAMES: Record<Language, { name: string; locale: string }> = {
  en: { name: "English", locale: "en-US" },
  zh: { name: "中文", locale: "zh-CN" },
};

interface Speech {
  language: Language;
  locale: string;
  t: Messages;
  setLanguage: (language: Language) => void;
}

const SpeechContext = createContext<Speech>({ language: "en", locale: "en-US", t: en, setLanguage: () => {} });

/** Gives every component the interface's language, and tells the browser which one it is. */
export function SpeechProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  const { locale } = LANGUAGE_NAMES[language];
  useEffect(() => {
    document.documentElement.lang = locale;
    remember("language", language);
  }, [language, locale]);
  return (
    <SpeechContext value={{ language, locale, t: LANGUAGES[language], setLanguage }}>
      <I18nProvider locale={locale}>{children}</I18nProvider>
    </SpeechContext>
  );
}

export const useSpeech = () => use(SpeechContext);
export const useMessages = () => use(SpeechContext).t;

/** The language chosen earlier, else the first of the browser's that there is. */
function firstLanguage(): Language {
  const wanted = [remembered("language") ?? "", ...navigator.languages];
  return wanted.map((tag) => tag.slice(0, 2)).find((tag): tag is Language => Object.hasOwn(LANGUAGES, tag)) ?? "en";
}
