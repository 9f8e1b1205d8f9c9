import { useQuery } from "@tanstack/react-query";
import { Check, Search, X } from "lucide-react";
import { Button as AriaButton, Checkbox, Input, Label, NumberField, SearchField } from "react-aria-components";
import { catalogueStats } from "../api/client";
import { useMessages } from "../i18n";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import field from "../ui/Field.module.css";
import css from "./Filters.module.css";
import { changeFilter, resetFilter, useFilter } from "./filter";

export function Filters() {
  const t = useMessages();
  const filter = useFilter();
  const { data } = useQuery({ queryKey: ["stats"], queryFn: catalogueStats });
  const options = (counts: Record<string, number> | undefined) => [
    { id: "", name: t.catalogue.any },
    ...Object.entries(counts ?? {}).map(([name, count]) => ({ id: name, name: `${name} (${count})` })),
  ];
  const isSet = Object.values(filter).some((value) => value !== undefined && value !== "");
  return (
    <search className={css.filters}>
      <SearchField
        className={`${field.field} ${css.search}`}
        value={filter.query ?? ""}
        onChange={(query) => changeFilter({ query })}
      >
        <Label className={field.label}>{t.catalogue.search}</Label>
        <div className={field.input}>
          <Search size={17} aria-hidden />
          <Input />
          <AriaButton className={field.clear ?? ""}>
            <X size={15} aria-hidden />
          </AriaButton>
        </div>
      </SearchField>
      <Choice
        label={t.catalogue.category}
        options={options(data?.categories)}
        value={filter.category ?? ""}
        onChange={(category) => changeFilter({ category })}
      />
      <Choice
        label={t.catalogue.brand}
        options={options(data?.brands)}
        value={filter.brand ?? ""}
        onChange={(brand) => changeFilter({ brand })}
      />
      <Price
        label={t.catalogue.minPrice}
        value={filter.min_price}
        onChange={(min_price) => changeFilter({ min_price })}
      />
      <Price
        label={t.catalogue.maxPrice}
        value={filter.max_price}
        onChange={(max_price) => changeFilter({ max_price })}
      />
      <Choice
        label={t.catalogue.sort}
        options={Object.entries(t.catalogue.sorts).map(([id, name]) => ({ id, name }))}
        value={filter.sort ?? ""}
        onChange={(sort) => changeFilter({ sort })}
      />
      <Checkbox
        className={field.check ?? ""}
        isSelected={filter.in_stock === true}
        onChange={(isOnly) => changeFilter({ in_stock: isOnly || undefined })}
      >
        <span className={field.box}>
          <Check size={14} strokeWidth={3} aria-hidden />
        </span>
        {t.catalogue.inStock}
      </Checkbox>
      {isSet && (
        <Button look="quiet" onPress={resetFilter}>
          {t.catalogue.reset}
        </Button>
      )}
    </search>
  );
}

interface PriceProps {
  label: string;
  value: number | undefined;
  onChange: (value: number | undefined) => void;
}

function Price({ label, value, onChange }: PriceProps) {
  return (
    <NumberField
      className={field.field ?? ""}
      value={value ?? Number.NaN}
      minValue={0}
      formatOptions={{ maximumFractionDigits: 2 }}
      onChange={(price) => onChange(Number.isNaN(price) ? undefined : price)}
    >
      <Label className={field.label}>{label}</Label>
      <div className={field.input}>
        <Input />
      </div>
    </NumberField>
  );
}
