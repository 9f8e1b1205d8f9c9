import { Package } from "lucide-react";
import { useState } from "react";
import { imageUrl } from "../api/client";
import css from "./Photo.module.css";

interface Props {
  itemId: string;
  /** Where the picture is, if that is known; null when the item has none. */
  src?: string | null | undefined;
  /** Empty where the title stands beside the photo anyway. */
  alt: string;
  width: number;
  eager?: boolean;
}

/** An item's photo in a square, or a drawing where it has none. */
export function Photo({ itemId, src = imageUrl(itemId), alt, width, eager = false }: Props) {
  const [failed, setFailed] = useState<string | null>(null);
  return (
    <div className={css.frame}>
      {src === null || src === failed ? (
        <Package className={css.drawn} strokeWidth={1} aria-hidden={!alt} aria-label={alt || undefined} role="img" />
      ) : (
        <img
          src={`${src}?width=${width}`}
          alt={alt}
          loading={eager ? "eager" : "lazy"}
          onError={() => setFailed(src)}
        />
      )}
    </div>
  );
}
