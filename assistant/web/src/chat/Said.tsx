import { Pencil } from "lucide-react";
import { useMessages } from "../i18n";
import { IconButton } from "../ui/Button";
import css from "./Said.module.css";
import type { Turn } from "./turn";

interface Props {
  turn: Turn;
  /** Take the message back into the field; undefined where it is not the last one or still being answered. */
  onEdit: (() => void) | undefined;
}

/** What the user sent: words, pictures, recordings and videos with what was heard in them, or conditions taken back. */
export function Said({ turn, onEdit }: Props) {
  const t = useMessages();
  const pictures = turn.attachments.filter(({ kind }) => kind === "picture");
  const recordings = turn.attachments.filter(({ kind }) => kind !== "picture");
  const text = turn.said || (turn.dropped.length ? t.chat.dropped : "");
  if (!text && !turn.attachments.length) return null;
  const heard = (id: string) => turn.reply?.query.transcripts.find((note) => note.attachment === id && note.text);
  return (
    <article className={css.said} aria-label={t.chat.you}>
      {pictures.length > 0 && (
        <ul className={css.pictures}>
          {pictures.map((picture) => (
            <li key={picture.url}>
              <a href={picture.url} target="_blank" rel="noreferrer">
                <img src={picture.url} alt={picture.name} />
              </a>
            </li>
          ))}
        </ul>
      )}
      {recordings.map((recording) => {
        const note = heard(recording.id);
        return (
          <figure key={recording.url} className={css.recording}>
            {recording.kind === "video" ? (
              // biome-ignore lint/a11y/useMediaCaption: the transcript stands below
              <video controls src={recording.url} aria-label={t.composer.watch(recording.name)} />
            ) : (
              // biome-ignore lint/a11y/useMediaCaption: the transcript stands below
              <audio controls src={recording.url} aria-label={t.composer.playback(recording.name)} />
            )}
            {note && (
              <figcaption>
                <span className="visually-hidden">{t.chat.heard} </span>
                <span lang={note.language ?? undefined}>“{note.text}”</span>
              </figcaption>
            )}
          </figure>
        );
      })}
      <div className={css.line}>
        {onEdit && (
          <IconButton label={t.chat.edit} small onPress={onEdit}>
            <Pencil size={15} aria-hidden />
          </IconButton>
        )}
        {text && <p>{text}</p>}
      </div>
    </article>
  );
}
