import { X } from "lucide-react";
import { Button, Label, Tag, TagGroup, TagList } from "react-aria-components";
import type { Constraint, Dropped } from "../api/types";
import { type Messages, useSpeech } from "../i18n";
import css from "./Constraints.module.css";
import type { Turn } from "./turn";

interface Props {
  constraints: Constraint[];
  turns: Turn[];
  isDisabled: boolean;
  onRemove: (dropped: Dropped[]) => void;
}

/** The conditions that the conversation holds to; each can be taken back. */
export function Constraints({ constraints, turns, isDisabled, onRemove }: Props) {
  const { t, locale } = useSpeech();
  if (!constraints.length) return null;
  const chips = constraints.map((constraint) => ({
    id: `${constraint.field}=${constraint.attribute ?? ""}=${constraint.value}`,
    constraint,
    name: nameOf(constraint, t, locale, turns),
  }));
  return (
    <TagGroup
      className={css.group ?? ""}
      onRemove={(keys) => {
        const removed = chips.filter(({ id }) => keys.has(id)).map(({ constraint }) => constraint);
        if (!isDisabled)
          onRemove(removed.map(({ field, value, attribute }) => ({ field, value, attribute: attribute ?? null })));
      }}
    >
      <Label className={css.label}>{t.constraints.label}</Label>
      <TagList className={css.list ?? ""} items={chips} dependencies={[isDisabled]}>
        {(chip) => (
          <Tag className={css.chip ?? ""} textValue={chip.name} isDisabled={isDisabled}>
            <span>{chip.name}</span>
            <Button slot="remove" className={css.remove ?? ""}>
              <X size={14} aria-hidden />
            </Button>
          </Tag>
        )}
      </TagList>
    </TagGroup>
  );
}

function nameOf(constraint: Constraint, t: Messages, locale: string, turns: Turn[]): string {
  const { field, value, words } = constraint;
  const write = (t.constraints as unknown as Record<string, (value: string) => string>)[field];
  if (typeof write !== "function") return words || `${field}: ${value}`;
  if (field === "attributes") return write(`${constraint.attribute} ${value}`);
  if (typeof value === "number") return priceBound(constraint, value, t, locale);
  return write(field === "exclude_ids" ? titleOf(String(value), turns) : String(value));
}

function priceBound({ field, exclusive, currency }: Constraint, value: number, t: Messages, locale: string): string {
  const isUpper = field === "max_price";
  const said = exclusive ? value + (isUpper ? 0.01 : -0.01) : value;
  const number = said.toLocaleString(locale, { maximumFractionDigits: 2 });
  const amount = currency ? `${number} ${currency}` : number;
  if (exclusive) return isUpper ? t.constraints.below(amount) : t.constraints.above(amount);
  return isUpper ? t.constraints.max_price(amount) : t.constraints.min_price(amount);
}

function titleOf(itemId: string, turns: Turn[]): string {
  return turns.flatMap((turn) => turn.cards).find((card) => card.item_id === itemId)?.title ?? itemId;
}
