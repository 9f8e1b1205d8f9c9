import { Link } from "wouter";
import type { Hit } from "../api/types";
import { useSpeech } from "../i18n";
import { price } from "../i18n/format";
import { Photo } from "../ui/Photo";
import css from "./ItemGrid.module.css";

/** Items as a wall of photos. */
export function ItemGrid({ items, label }: { items: Hit[]; label: string }) {
  const { locale } = useSpeech();
  return (
    <ul className={css.grid} aria-label={label}>
      {items.map((item) => (
        <li key={item.item_id}>
          <Link href={`/catalogue/${encodeURIComponent(item.item_id)}`} className={css.item}>
            <Photo itemId={item.item_id} src={item.image} alt="" width={320} />
            <span className={css.title}>{item.title}</span>
            <span className={css.price}>{price(item.price, item.currency, locale)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
