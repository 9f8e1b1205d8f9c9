import { ExternalLink, ShoppingCart } from "lucide-react";
import type { Item } from "../api/types";
import { useShop } from "../app/shop";
import { useMessages } from "../i18n";
import { buttonClass } from "../ui/Button";

interface Props {
  item: Pick<Item, "id" | "title" | "url" | "in_stock">;
  /** Which link was followed. */
  onFollow: (to: "shop" | "cart") => void;
}

/** The ways into the shop: its cart, where the service knows the address, and its page of the item. */
export function ShopLinks({ item, onFollow }: Props) {
  const t = useMessages();
  const cart = useShop()?.cart_link;
  const look = buttonClass({ small: true });
  return (
    <>
      {cart && item.in_stock !== false && (
        <a
          className={look}
          href={cart.replace("{id}", encodeURIComponent(item.id))}
          target="_blank"
          rel="noreferrer"
          aria-label={t.cards.forItem(t.item.cart, item.title)}
          onClick={() => onFollow("cart")}
        >
          <ShoppingCart size={15} aria-hidden />
          {t.item.cart}
        </a>
      )}
      {item.url && /^https?:/.test(item.url) && (
        <a
          className={look}
          href={item.url}
          target="_blank"
          rel="noreferrer"
          aria-label={t.cards.forItem(t.item.shop, item.title)}
          onClick={() => onFollow("shop")}
        >
          <ExternalLink size={15} aria-hidden />
          {t.item.shop}
        </a>
      )}
    </>
  );
}

/** Whether there is some, where that is known. */
export function Stock({ isThere }: { isThere: boolean | null | undefined }) {
  const t = useMessages();
  if (typeof isThere !== "boolean") return null;
  return (
    <span className="stock" data-in-stock={isThere}>
      {isThere ? t.item.inStock : t.item.outOfStock}
    </span>
  );
}
