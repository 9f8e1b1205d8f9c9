import { useMessages } from "../i18n";
import css from "./Said.module.css";
import type { Turn } from "./turn";

/** What the user sent: words, pictures, recordings, videos, or conditions taken back. */
export function Said({ turn }: { turn: Turn }) {
  const t = useMessages();
  const pictures = turn.attachments.filter(({ kind }) => kind === "picture");
  const recordings = turn.attachments.filter(({ kind }) => kind === "audio");
  const videos = turn.attachments.filter(({ kind }) => kind === "video");
  const text = turn.said || (turn.dropped.length ? t.chat.dropped : "");
  if (!text && !turn.attachments.length) return null;
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
      {recordings.map((recording) => (
        // biome-ignore lint/a11y/useMediaCaption: the transcript stands with the evidence
        <audio key={recording.url} controls src={recording.url} aria-label={t.composer.playback(recording.name)} />
      ))}
      {videos.map((video) => (
        // biome-ignore lint/a11y/useMediaCaption: the transcript stands with the evidence
        <video key={video.url} controls src={video.url} aria-label={t.composer.watch(video.name)} />
      ))}
      {text && <p>{text}</p>}
    </article>
  );
}
