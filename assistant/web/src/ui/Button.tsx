import type { ReactNode } from "react";
import {
  Button as AriaButton,
  ToggleButton as AriaToggleButton,
  type ButtonProps,
  type ToggleButtonProps,
  Tooltip,
  TooltipTrigger,
} from "react-aria-components";
import css from "./Button.module.css";

export interface Look {
  look?: "primary" | "outline" | "quiet" | "danger";
  small?: boolean;
}

export function buttonClass({ look = "outline", small }: Look, icon = false): string {
  return [css.button, css[look], small && css.small, icon && css.icon].filter(Boolean).join(" ");
}

export function Button({ look, small, ...props }: Omit<ButtonProps, "className"> & Look) {
  return <AriaButton {...props} className={buttonClass({ look, small })} />;
}

interface Named extends Look {
  /** What the button does: its name for screen readers, and its tooltip. */
  label: string;
}

export function IconButton({ label, look = "quiet", small, ...props }: Omit<ButtonProps, "className"> & Named) {
  return (
    <WithTooltip text={label}>
      <AriaButton aria-label={label} {...props} className={buttonClass({ look, small }, true)} />
    </WithTooltip>
  );
}

export function IconToggle({ label, look = "quiet", small, ...props }: Omit<ToggleButtonProps, "className"> & Named) {
  return (
    <WithTooltip text={label}>
      <AriaToggleButton aria-label={label} {...props} className={buttonClass({ look, small }, true)} />
    </WithTooltip>
  );
}

export function Toggle({ look, small, ...props }: Omit<ToggleButtonProps, "className"> & Look) {
  return <AriaToggleButton {...props} className={buttonClass({ look, small })} />;
}

function WithTooltip({ text, children }: { text: string; children: ReactNode }) {
  return (
    <TooltipTrigger delay={500}>
      {children}
      <Tooltip className={css.tooltip} offset={6}>
        {text}
      </Tooltip>
    </TooltipTrigger>
  );
}
