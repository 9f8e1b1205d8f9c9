import { Meter } from "react-aria-components";
import { useMessages } from "../i18n";
import css from "./LevelMeter.module.css";
import type { Levels } from "./level";

/** A bar that is never quite gone shows that something listens. */
const LEAST = 0.06;

/** How loud it was in the last seconds, as a row of bars, and how loud it is now. */
export function LevelMeter({ levels }: { levels: Levels }) {
  const t = useMessages();
  return (
    <Meter className={css.meter ?? ""} aria-label={t.recorder.level} value={Math.round((levels.at(-1) ?? 0) * 100)}>
      <div className={css.bars} aria-hidden>
        {levels.map((level, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place; the levels move through it
          <span key={index} style={{ transform: `scaleY(${Math.max(LEAST, level)})` }} />
        ))}
      </div>
    </Meter>
  );
}
