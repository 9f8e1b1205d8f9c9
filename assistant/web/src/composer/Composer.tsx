import { ArrowUp, AudioLines, Mic, Paperclip, Square } from "lucide-react";
import { type KeyboardEvent, type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import type { Draft } from "../api/stream";
import { useChoices } from "../app/choices";
import { useInfo } from "../app/info";
import { useSpeech } from "../i18n";
import { IconButton, IconToggle } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { AddMenu } from "./AddMenu";
import { accept, isPicture, isVideo } from "./attachments";
import { CameraDialog } from "./CameraDialog";
import css from "./Composer.module.css";
import { Recorder } from "./Recorder";
import { Tray } from "./Tray";
import { canDictate, useDictation } from "./useDictation";

export interface ComposerHandle {
  attach: (files: File[]) => void;
  /** Put a message in the place of what was written. */
  write: (text: string, files: File[]) => void;
}

interface Props {
  ref: Ref<ComposerHandle>;
  isRunning: boolean;
  /** Returns whether the message was taken; if not, it stays. */
  onSend: (draft: Draft) => Promise<boolean>;
  onStop: () => void;
}

/** Where a message is written, with pictures, recordings and videos pasted, chosen, photographed or spoken. */
export function Composer({ ref, isRunning, onSend, onStop }: Props) {
  const { t, locale } = useSpeech();
  const limits = useInfo().data?.limits;
  const [text, setText] = useState("");
  const [files, setFiles] = useState<File[]>([]);
  const [problem, setProblem] = useState("");
  const [mode, setMode] = useState<"write" | "record" | "photograph">("write");
  const input = useRef<HTMLTextAreaElement>(null);

  function attach(added: File[]) {
    const { taken, refused } = accept(files, added, limits, t);
    setFiles(taken);
    setProblem(refused);
    setMode("write");
  }

  useImperativeHandle(ref, () => ({
    attach,
    write: (words, attached) => {
      setText(words);
      setFiles(attached);
      input.current?.focus();
    },
  }));

  // On a phone the keyboard would cover the page before anything was asked for.
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, []);

  const { dictation } = useChoices();
  const { isOn, hasFailed, start, stop: stopDictation } = useDictation(locale, setText);

  const canSend = !isRunning && (text.trim() !== "" || files.length > 0);

  async function send() {
    if (!canSend) return;
    if (limits && text.length > limits.message_characters) {
      setProblem(t.composer.tooLong(limits.message_characters));
      return;
    }
    stopDictation();
    setProblem("");
    const images = files.filter(isPicture);
    const video = files.filter(isVideo);
    const audio = files.filter((file) => !isPicture(file) && !isVideo(file));
    if (await onSend({ text: text.trim(), images, audio, video, dropped: [] })) {
      setText("");
      setFiles([]);
    }
  }

  function onKeyDown(event: KeyboardEvent) {
    // Enter that ends a word of an input method must not send.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  }

  if (mode === "record") {
    return (
      <Recorder seconds={limits?.audio_seconds} onDone={(file) => attach([file])} onCancel={() => setMode("write")} />
    );
  }
  return (
    <form
      className={css.composer}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {(problem || hasFailed || files.length > 0) && (
        <div className={css.top}>
          {problem && <Notice kind="problem">{problem}</Notice>}
          {hasFailed && <Notice kind="problem">{t.composer.dictationFailed}</Notice>}
          <Tray files={files} onRemove={(file) => setFiles(files.filter((other) => other !== file))} />
        </div>
      )}
      <textarea
        ref={input}
        className={css.input}
        rows={1}
        value={text}
        aria-label={t.composer.label}
        placeholder={t.composer.placeholder}
        onChange={(event) => {
          stopDictation(); // what is heard next would replace what is typed
          setText(event.target.value);
        }}
        onKeyDown={onKeyDown}
        onPaste={(event) => {
          // Office programs put a picture of the text beside the text.
          if (event.clipboardData.files.length && !event.clipboardData.types.includes("text/plain")) {
            event.preventDefault();
            attach([...event.clipboardData.files]);
          }
        }}
      />
      <div className={css.ways}>
        <AddMenu onFiles={attach} onCamera={() => setMode("photograph")}>
          <IconButton label={t.composer.picture}>
            <Paperclip size={20} aria-hidden />
          </IconButton>
        </AddMenu>
        <IconButton
          label={t.composer.record}
          onPress={() => {
            stopDictation();
            setMode("record");
          }}
        >
          <Mic size={20} aria-hidden />
        </IconButton>
        {dictation && canDictate() && (
          <IconToggle
            label={isOn ? t.composer.stopDictating : t.composer.dictate}
            isSelected={isOn}
            onChange={(wanted) => (wanted ? void start(text) : stopDictation())}
          >
            <AudioLines size={20} aria-hidden />
          </IconToggle>
        )}
      </div>
      <div className={css.send}>
        {isRunning ? (
          <IconButton label={t.composer.stop} look="primary" onPress={onStop}>
            <Square size={15} fill="currentColor" aria-hidden />
          </IconButton>
        ) : (
          <IconButton label={t.composer.send} look="primary" type="submit" isDisabled={!canSend}>
            <ArrowUp size={20} aria-hidden />
          </IconButton>
        )}
      </div>
      <CameraDialog
        isOpen={mode === "photograph"}
        onShot={(photo) => attach([photo])}
        onClose={() => setMode("write")}
      />
    </form>
  );
}
