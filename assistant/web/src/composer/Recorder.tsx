import { Check, Trash2 } from "lucide-react";
import { useMessages } from "../i18n";
import { clock } from "../i18n/format";
import { Button, IconButton } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { LevelMeter } from "./LevelMeter";
import css from "./Recorder.module.css";
import { useRecording } from "./useRecording";

interface Props {
  /** The longest recording that the service takes. */
  seconds: number | undefined;
  onDone: (file: File) => void;
  onCancel: () => void;
}

/** A recording in the making: how loud, how long, and what to do with it. */
export function Recorder({ seconds, onDone, onCancel }: Props) {
  const t = useMessages();
  const { problem, elapsed, levels, finish } = useRecording(seconds ?? 120, onDone);
  if (problem) {
    return (
      <Notice kind="problem" action={<Button onPress={onCancel}>{t.close}</Button>}>
        {t.recorder[problem]}
      </Notice>
    );
  }
  return (
    <section className={css.recorder} aria-label={t.recorder.title}>
      <IconButton label={t.recorder.discard} onPress={onCancel}>
        <Trash2 size={19} aria-hidden />
      </IconButton>
      <LevelMeter levels={levels} />
      <span className={css.time}>
        <span className="visually-hidden">{t.recorder.elapsed(clock(elapsed))}</span>
        <span aria-hidden>{clock(elapsed)}</span>
      </span>
      <IconButton label={t.recorder.finish} look="primary" onPress={finish} autoFocus>
        <Check size={20} aria-hidden />
      </IconButton>
    </section>
  );
}
