import { useQuery } from "@tanstack/react-query";
import { useInfo } from "../app/info";
import { useCounted, useShop } from "../app/shop";
import { useSpeech } from "../i18n";
import { Button } from "../ui/Button";
import css from "./Welcome.module.css";
import { samples, wishesOf } from "./wishes";

/** What a new conversation shows: what can be asked, and wishes that the catalogue can meet. */
export function Welcome({ onPick }: { onPick: (text: string) => void }) {
  const { t, language, locale } = useSpeech();
  const shop = useShop();
  const counted = useCounted();
  const own = shop?.examples[language] ?? [];
  const items = useInfo().data?.items ?? 0;
  const { data = [] } = useQuery({
    queryKey: ["samples"],
    queryFn: samples,
    staleTime: 10 * 60_000,
    enabled: items > 0 && shop !== undefined && own.length === 0,
  });
  return (
    <div className={css.welcome}>
      <h1>{shop?.greeting[language] ?? t.chat.greeting}</h1>
      <p>{t.chat.lead(items ? counted(items, t.chat.items) : "")}</p>
      <ul className={css.examples} aria-label={t.chat.examplesLabel}>
        {(own.length > 0 ? own : wishesOf(data, t, locale)).map((wish) => (
          <li key={wish}>
            <Button onPress={() => onPick(wish)}>{wish}</Button>
          </li>
        ))}
      </ul>
      {shop && shop.pages.length > 0 && (
        <ul className={css.pages}>
          {shop.pages.map(({ title, url }) => (
            <li key={url}>
              <a href={url} target="_blank" rel="noreferrer">
                {title}
              </a>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
