import { useInfo } from "../app/info";
import { useMessages } from "../i18n";
import { Button } from "../ui/Button";
import css from "./Welcome.module.css";

/** What a new conversation shows: what can be asked, and examples to start from. */
export function Welcome({ onPick }: { onPick: (text: string) => void }) {
  const t = useMessages();
  const { data } = useInfo();
  return (
    <div className={css.welcome}>
      <h1>{t.chat.greeting}</h1>
      <p>{t.chat.lead(data?.items ?? 0)}</p>
      <ul className={css.examples} aria-label={t.chat.examplesLabel}>
        {t.chat.examples.map((example) => (
          <li key={example}>
            <Button onPress={() => onPick(example)}>{example}</Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
