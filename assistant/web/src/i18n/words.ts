/** "one item", "3 items". */
export function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many.replace("{}", count.toLocaleString("en"));
}

const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth"];

/** The words that the assistant reads; beyond them it takes "number 7". */
export function ordinal(rank: number): string {
  return ORDINALS[rank - 1] ?? `number ${rank}`;
}
