import { X } from "lucide-react";
import { Button, Label, Tag, TagGroup, TagList } from "react-aria-components";
import type { Constraint, Dropped } from "../api/types";
import { type Messages, useSpeech } from "../i18n";
import { limit } from "../i18n/format";
import css from "./Constraints.module.css";
import type { Turn } from "./turn";

interface Handling {
  turns: Turn[];
  isDisabled: boolean;
  onRemove: (dropped: Dropped[]) => void;
}

interface Props extends Handling {
  constraints: Constraint[];
  preferences: Constraint[];
}

/** The conditions that the conversation holds to, and what it prefers beside them; each can be taken back. */
export function Constraints({ constraints, preferences, ...handling }: Props) {
  const { t } = useSpeech();
  return (
    <>
      <Chips label={t.constraints.label} constraints={constraints} {...handling} />
      <Chips label={t.constraints.preferred} constraints={preferences} isSoft {...handling} />
    </>
  );
}

interface ChipsProps extends Handling {
  label: string;
  constraints: Constraint[];
  isSoft?: boolean;
}

function Chips({ label, constraints, isSoft, turns, isDisabled, onRemove }: ChipsProps) {
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
      <Label className={css.label}>{label}</Label>
      <TagList className={css.list ?? ""} items={chips} dependencies={[isDisabled]}>
        {(chip) => (
          <Tag className={`${css.chip} ${isSoft ? css.soft : ""}`} textValue={chip.name} isDisabled={isDisabled}>
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
  const amount = limit(said, currency, locale);
  if (exclusive) return isUpper ? t.constraints.below(amount) : t.constraints.above(amount);
  return isUpper ? t.constraints.max_price(amount) : t.constraints.min_price(amount);
}

function titleOf(itemId: string, turns: Turn[]): string {
  return turns.flatMap((turn) => turn.cards).find((card) => card.item_id === itemId)?.title ?? itemId;
}
