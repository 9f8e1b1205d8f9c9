import { Check, TriangleAlert } from "lucide-react";
import { useMessages } from "../i18n";
import { useMediaQuery } from "../ui/mediaQuery";
import css from "./Steps.module.css";
import type { StepView } from "./turn";

/** What the assistant did, step by step, and how long each took. */
export function Steps({ steps }: { steps: StepView[] }) {
  const t = useMessages();
  const isNarrow = useMediaQuery("(max-width: 40rem)");
  if (!steps.length) return null;
  return (
    // On a narrow screen the steps stand in one row that scrolls; what scrolls must be reachable by keyboard.
    <ol className={css.steps} tabIndex={isNarrow ? 0 : undefined} aria-label={t.steps.title}>
      {steps.map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps have no ids, and are only ever added at the end
        <li key={index} className={css.step} data-state={step.state} title={step.summary || undefined}>
          <StateIcon state={step.state} />
          <span className={css.name}>
            {t.steps.names[step.step] ?? step.step}
            {step.query && <span className={css.query}>{t.steps.for(step.query)}</span>}
          </span>
          <span className="visually-hidden">{t.steps.state[step.state]}</span>
          {step.seconds > 0.05 && <span className={css.seconds}>{t.steps.seconds(step.seconds)}</span>}
        </li>
      ))}
    </ol>
  );
}

function StateIcon({ state }: { state: StepView["state"] }) {
  if (state === "failed") return <TriangleAlert className={css.failed} size={15} aria-hidden />;
  return <Check className={css.ok} size={15} aria-hidden />;
}
