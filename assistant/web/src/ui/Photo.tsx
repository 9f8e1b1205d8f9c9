import { Package } from "lucide-react";
import { useState } from "react";
import { imageUrl } from "../api/client";
import css from "./Photo.module.css";

interface Props {
  itemId: string;
  /** Empty where the title stands beside the photo anyway. */
  alt: string;
  width: number;
  n?: number;
  eager?: boolean;
}

/** An item's photo in a square, or a drawing where it has none. */
export function Photo({ itemId, alt, width, n = 0, eager = false }: Props) {
  const url = imageUrl(itemId, width, n);
  const [missing, setMissing] = useState<string | null>(null);
  return (
    <div className={css.frame}>
      {missing === url ? (
        <Package className={css.drawn} strokeWidth={1} aria-hidden={!alt} aria-label={alt || undefined} role="img" />
      ) : (
        <img src={url} alt={alt} loading={eager ? "eager" : "lazy"} onError={() => setMissing(url)} />
      )}
    </div>
  );
}
