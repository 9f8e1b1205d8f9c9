/** "one item", "3 items": the words for a number in its language, with `{}` for the number. In French `one` is also for 0. */
export function plural(count: number, one: string, many: string, locale = "en"): string {
  const words = new Intl.PluralRules(locale).select(count) === "one" ? one : many;
  return words.replace("{}", count.toLocaleString(locale));
}

const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth"];

/** The words that the assistant reads; beyond them it takes "number 7". */
export function ordinal(rank: number): string {
  return ORDINALS[rank - 1] ?? `number ${rank}`;
}
