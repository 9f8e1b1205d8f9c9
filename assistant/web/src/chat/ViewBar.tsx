import { ToggleButton } from "react-aria-components";
import type { Item } from "../api/types";
import { useMessages } from "../i18n";
import { buttonClass } from "../ui/Button";
import { Choice } from "../ui/Choice";
import css from "./Cards.module.css";
import type { CardView } from "./turn";
import { brandsOf, isOneCurrency, type View } from "./view";

interface Props {
  cards: CardView[];
  items: Map<string, Item>;
  view: View;
  onChange: (view: View) => void;
}

/** Order and filters within an answer. */
export function ViewBar({ cards, items, view, onChange }: Props) {
  const t = useMessages();
  const brands = brandsOf(items);
  const sorts = Object.entries(t.cards.sorts).map(([id, name]) => ({ id: id || "rank", name }));
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset does not lay out its content as a flex box everywhere
    <div role="group" aria-label={t.cards.sort} className={css.view}>
      {isOneCurrency(cards) && (
        <Choice
          label={t.cards.sort}
          options={sorts}
          value={view.sort || "rank"}
          onChange={(sort) => onChange({ ...view, sort: sort === "rank" ? "" : (sort as View["sort"]) })}
        />
      )}
      {brands.length > 1 && (
        <Choice
          label={t.item.brand}
          options={[{ id: "any", name: t.catalogue.any }, ...brands.map((name) => ({ id: `=${name}`, name }))]}
          value={view.brand ? `=${view.brand}` : "any"}
          onChange={(brand) => onChange({ ...view, brand: brand === "any" ? "" : brand.slice(1) })}
        />
      )}
      <ToggleButton
        className={buttonClass({})}
        isSelected={view.inStock}
        onChange={(inStock) => onChange({ ...view, inStock })}
      >
        {t.cards.onlyInStock}
      </ToggleButton>
    </div>
  );
}
