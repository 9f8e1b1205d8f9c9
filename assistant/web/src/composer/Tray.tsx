import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { useMessages } from "../i18n";
import { IconButton } from "../ui/Button";
import { isPicture, isVideo } from "./attachments";
import css from "./Tray.module.css";

interface Props {
  files: File[];
  onRemove: (file: File) => void;
}

/** What will be sent with the message: pictures and videos to look at, recordings to listen to. */
export function Tray({ files, onRemove }: Props) {
  const t = useMessages();
  if (!files.length) return null;
  return (
    <ul className={css.tray} aria-label={t.composer.attachments}>
      {files.map((file) => (
        <li key={`${file.name} ${file.size} ${file.lastModified}`} className={css.entry}>
          <Preview file={file} />
          <span className={css.remove}>
            <IconButton label={t.composer.remove(file.name)} look="outline" small onPress={() => onRemove(file)}>
              <X size={15} aria-hidden />
            </IconButton>
          </span>
        </li>
      ))}
    </ul>
  );
}

function Preview({ file }: { file: File }) {
  const t = useMessages();
  const url = useObjectUrl(file);
  const [isUnseen, setUnseen] = useState(false); // few browsers show HEIC
  if (!url) return null;
  if (isPicture(file) && isUnseen) return <span className={css.named}>{file.name}</span>;
  if (isPicture(file)) {
    return <img className={css.picture} src={url} alt={file.name} onError={() => setUnseen(true)} />;
  }
  if (isVideo(file)) {
    // biome-ignore lint/a11y/useMediaCaption: the user's own video has none
    return <video className={css.picture} controls src={url} aria-label={t.composer.watch(file.name)} />;
  }
  // biome-ignore lint/a11y/useMediaCaption: a recording that was made just now has none
  return <audio className={css.recording} controls src={url} aria-label={t.composer.playback(file.name)} />;
}

function useObjectUrl(file: File): string {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
