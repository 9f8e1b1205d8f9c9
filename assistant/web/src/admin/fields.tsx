import { type ComponentProps, type ReactNode, useId } from "react";
import { asProblem } from "../api/problem";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Notice } from "../ui/Notice";
import css from "./Admin.module.css";

type Value = { label: string; value: string; onChange: (value: string) => void };

export function TextInput({ label, value, onChange, ...more }: Value & Omit<ComponentProps<"input">, keyof Value>) {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <input id={id} value={value} onChange={(event) => onChange(event.target.value)} {...more} />
    </div>
  );
}

export function TextArea({ label, value, onChange, ...more }: Value & Omit<ComponentProps<"textarea">, keyof Value>) {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <textarea id={id} rows={3} value={value} onChange={(event) => onChange(event.target.value)} {...more} />
    </div>
  );
}

export function Select({ label, value, onChange, options }: Value & { options: [string, string][] }) {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

export function FileInput({ label, accept, onFile }: { label: string; accept?: string; onFile: (file: File) => void }) {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="file"
        accept={accept}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) onFile(file);
          event.target.value = "";
        }}
      />
    </div>
  );
}

/** A table that scrolls within itself on a narrow screen. */
export function Table({ label, head, children }: { label: string; head: string[]; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard
    <section className={css.scroll} aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

/** What went wrong in a call, or nothing. */
export function Failure({ error }: { error: unknown }) {
  const t = useMessages();
  return error ? <Notice kind="problem">{sentence(asProblem(error), t)}</Notice> : null;
}
