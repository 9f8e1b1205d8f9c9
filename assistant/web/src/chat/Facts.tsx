import type { Reply } from "../api/types";
import { useMessages } from "../i18n";
import css from "./Facts.module.css";

/** Time and language model use of a turn, in one quiet line. */
export function Facts({ reply: { timings, usage, models } }: { reply: Reply }) {
  const t = useMessages();
  const facts = [
    t.facts.total(t.steps.seconds(timings.total)),
    timings.llm > 0 && t.facts.model(t.steps.seconds(timings.llm)),
    timings.tools > 0 && t.facts.tools(t.steps.seconds(timings.tools)),
    usage.llm_calls > 0 && t.facts.tokens(usage.llm_calls, usage.prompt_tokens + usage.completion_tokens),
    models.llm,
  ];
  return <p className={css.facts}>{facts.filter(Boolean).join(" · ")}</p>;
}
