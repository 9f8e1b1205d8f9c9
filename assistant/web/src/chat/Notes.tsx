import type { Reply } from "../api/types";
import { useDeveloper } from "../app/choices";
import { useSpeech } from "../i18n";
import { limit } from "../i18n/format";
import { Notice } from "../ui/Notice";
import css from "./Notes.module.css";

/** What was loosened to find anything, and what did not work as it should. */
export function Notes({ reply }: { reply: Reply }) {
  const { t, locale } = useSpeech();
  const isDeveloper = useDeveloper();
  const currency = reply.recommendations.find((item) => item.currency)?.currency;
  const notes = isDeveloper ? reply.degraded : reply.degraded.filter((note) => !reply.internal.includes(note));
  return (
    <>
      {reply.relaxed.length > 0 && (
        <Notice kind="warning">
          <strong>{t.relaxed.title}</strong>
          <ul className={css.list}>
            {reply.relaxed.map(({ field, words, used }) => (
              <li key={`${field} ${words}`}>
                {used === null || typeof used === "boolean"
                  ? (field.startsWith("exclude_") ? t.relaxed.excluded : t.relaxed.dropped)(words)
                  : t.relaxed.moved(words, typeof used === "number" ? limit(used, currency, locale) : used)}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {notes.length > 0 && (
        <Notice kind="warning">
          <strong>{t.degraded}</strong>
          <ul className={css.list}>
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}
