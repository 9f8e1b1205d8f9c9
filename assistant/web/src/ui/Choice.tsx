import { ChevronDown } from "lucide-react";
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import field from "./Field.module.css";
import overlay from "./Overlay.module.css";

interface Props {
  label: string;
  options: { id: string; name: string }[];
  value: string;
  onChange: (value: string) => void;
}

/** One of several. */
export function Choice({ label, options, value, onChange }: Props) {
  return (
    <Select className={field.field ?? ""} value={value} onChange={(key) => onChange(String(key))}>
      <Label className={field.label}>{label}</Label>
      <Button className={field.input ?? ""}>
        <SelectValue className={field.value ?? ""} />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <Popover className={overlay.popover ?? ""}>
        <ListBox items={options}>
          {(option) => <ListBoxItem className={overlay.option ?? ""}>{option.name}</ListBoxItem>}
        </ListBox>
      </Popover>
    </Select>
  );
}
