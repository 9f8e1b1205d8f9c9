import { useEffect, useEffectEvent, useRef, useState } from "react";

/** The part of the Web Speech API that is used here; TypeScript's library has no constructor for it. */
interface Recognition extends EventTarget {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  processLocally?: boolean;
  start(): void;
  stop(): void;
  abort(): void;
}

interface RecognitionClass {
  new (): Recognition;
  available?(options: { langs: string[]; processLocally: boolean }): Promise<string>;
}

interface Results {
  results: ArrayLike<ArrayLike<{ transcript: string }>>;
}

const recognitionClass = (): RecognitionClass | undefined => {
  const held = globalThis as { SpeechRecognition?: RecognitionClass; webkitSpeechRecognition?: RecognitionClass };
  return held.SpeechRecognition ?? held.webkitSpeechRecognition;
};

/** Whether the browser can write down what is said. Many send it to their maker for that. */
export const canDictate = (): boolean => recognitionClass() !== undefined;

/** Dictation into a text: `onText` gets the text that there was at the start with what was heard since. */
export function useDictation(locale: string, onText: (text: string) => void) {
  const [isOn, setOn] = useState(false);
  const [hasFailed, setFailed] = useState(false);
  const recognition = useRef<Recognition | null>(null);
  const write = useEffectEvent(onText);
  useEffect(() => () => recognition.current?.abort(), []);

  async function start(before: string) {
    const Made = recognitionClass();
    if (!Made || recognition.current) return;
    const made = new Made();
    recognition.current = made;
    made.lang = locale;
    made.continuous = true;
    made.interimResults = true;
    made.addEventListener("result", (event) => write(joined(before, (event as unknown as Results).results)));
    made.addEventListener("error", (event) => setFailed((event as unknown as { error: string }).error !== "aborted"));
    made.addEventListener("end", () => {
      recognition.current = null;
      setOn(false);
    });
    setFailed(false);
    setOn(true);
    // On this machine where the browser has what that needs.
    const state = await Made.available?.({ langs: [locale], processLocally: true }).catch(() => "");
    if (state === "available") made.processLocally = true;
    if (recognition.current === made) made.start();
  }

  function stop() {
    recognition.current?.stop();
    recognition.current = null;
    setOn(false);
  }

  return { isOn, hasFailed, start, stop };
}

/** What there was and what was heard, with a space between where the language has spaces. */
export function joined(before: string, results: Results["results"]): string {
  const heard = Array.from(results, (result) => result[0]?.transcript ?? "").join("");
  const needsSpace =
    before !== "" && heard !== "" && !/\s$/.test(before) && !/^\s/.test(heard) && !/^\p{Script=Han}/u.test(heard);
  return before + (needsSpace ? " " : "") + heard;
}
