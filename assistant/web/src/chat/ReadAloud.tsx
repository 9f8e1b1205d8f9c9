import { Square, Volume2 } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useMessages } from "../i18n";
import { Button } from "../ui/Button";
import { sentencesOf } from "./sharing";

interface Props {
  text: string;
  /** The text's, such as "de". */
  language: string;
}

/** Reads a text aloud, where the browser has a voice of its own for the language: no text leaves the machine. */
export function ReadAloud({ text, language }: Props) {
  const t = useMessages();
  const voice = useVoice(language);
  const [isReading, setReading] = useState(false);
  useEffect(() => (isReading ? () => speechSynthesis.cancel() : undefined), [isReading]);
  if (!voice || !text) return null;

  function read(by: SpeechSynthesisVoice) {
    speechSynthesis.cancel();
    setReading(true);
    const sentences = sentencesOf(text, language); // long ones are cut off by some browsers
    for (const [index, sentence] of sentences.entries()) {
      const utterance = new SpeechSynthesisUtterance(sentence);
      utterance.voice = by;
      utterance.lang = by.lang;
      utterance.onerror = () => setReading(false);
      if (index === sentences.length - 1) utterance.onend = () => setReading(false);
      speechSynthesis.speak(utterance);
    }
  }

  return (
    <Button small look="quiet" onPress={() => (isReading ? setReading(false) : read(voice))}>
      {isReading ? <Square size={13} fill="currentColor" aria-hidden /> : <Volume2 size={16} aria-hidden />}
      {isReading ? t.speech.stop : t.speech.read}
    </Button>
  );
}

/** The browser's own voice for a language; those that are asked for over the network are left out. */
function useVoice(language: string): SpeechSynthesisVoice | undefined {
  return useSyncExternalStore(
    (tell) => {
      globalThis.speechSynthesis?.addEventListener?.("voiceschanged", tell);
      return () => globalThis.speechSynthesis?.removeEventListener?.("voiceschanged", tell);
    },
    () => globalThis.speechSynthesis?.getVoices().find((one) => one.localService && speaks(one, language)),
    () => undefined,
  );
}

const speaks = (voice: SpeechSynthesisVoice, language: string) =>
  voice.lang.toLowerCase().replace("_", "-").split("-")[0] === language;
