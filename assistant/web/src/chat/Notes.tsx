import type { Reply } from "../api/types";
import { useSpeech } from "../i18n";
import { Notice } from "../ui/Notice";
import css from "./Notes.module.css";

/** What was loosened to find anything, and what did not work as it should. */
export function Notes({ reply }: { reply: Reply }) {
  const { t, locale } = useSpeech();
  return (
    <>
      {reply.relaxed.length > 0 && (
        <Notice kind="warning">
          <strong>{t.relaxed.title}</strong>
          <ul className={css.list}>
            {reply.relaxed.map(({ field, words, used }) => (
              <li key={`${field} ${words}`}>
                {used === null || typeof used === "boolean"
                  ? t.relaxed.dropped(words)
                  : t.relaxed.moved(words, used.toLocaleString(locale))}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {reply.degraded.length > 0 && (
        <Notice kind="warning">
          <strong>{t.degraded}</strong>
          <ul className={css.list}>
            {reply.degraded.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}
