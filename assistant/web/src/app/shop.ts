import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { shop } from "../api/client";
import { useSpeech } from "../i18n";
import { price } from "../i18n/format";
import { plural } from "../i18n/words";

/** What the shop says of itself; nothing until it is known. */
export const useShop = () => useQuery({ queryKey: ["shop"], queryFn: shop, staleTime: 5 * 60_000 }).data;

/** A number of items in the shop's own words ("3 courses"), or in the page's where the shop has none. */
export function useCounted() {
  const { language, locale } = useSpeech();
  const nouns = useShop()?.nouns?.[language];
  return (count: number, words: (count: number) => string) => (nouns ? plural(count, ...nouns, locale) : words(count));
}

/** A price in words; "price unknown" where there is none, but nothing for articles, films and posts, which have none. */
export function usePrice() {
  const { t, locale } = useSpeech();
  const kind = useShop()?.kind;
  const unknown = kind === "content" || kind === "social" ? "" : t.cards.noPrice;
  return (item: { price?: number | null; currency?: string | null }) =>
    price(item.price, item.currency, locale) ?? unknown;
}

type Rgb = [number, number, number];

/** Of words on a ground, by WCAG 2.2 (AA). */
const CONTRAST = 4.5;
const WHITE: Rgb = [255, 255, 255];
/** What words stand on in the light scheme at its darkest. */
const LIGHT: Rgb = [240, 241, 238];
const BLACK: Rgb = [0, 0, 0];
/** What words stand on in the dark scheme at its brightest. */
const DARK: Rgb = [40, 46, 45];

/** Show the shop's colours for buttons and links in the place of the page's own, as far as words in them can be read. */
export function useShopColours() {
  const colours = useShop()?.colours;
  const [light, dark] = [colours?.light ?? colours?.dark, colours?.dark ?? colours?.light];
  useEffect(() => {
    const { style } = document.documentElement;
    const names = ["--accent", "--accent-hover", "--accent-soft", "--on-accent"];
    if (!light || !dark) {
      for (const name of names) style.removeProperty(name);
      return;
    }
    const [day, night] = [legible(light, LIGHT, BLACK), legible(dark, DARK, WHITE)];
    style.setProperty("--accent", `light-dark(${day}, ${night})`);
    style.setProperty("--accent-hover", `color-mix(in srgb, light-dark(${day}, ${night}) 85%, black)`);
    style.setProperty("--accent-soft", `color-mix(in srgb, light-dark(${day}, ${night}) 14%, transparent)`);
    style.setProperty("--on-accent", "light-dark(#fff, #000)");
  }, [light, dark]);
}

/** A colour #rrggbb, mixed with another one only as far as it then has enough contrast on its ground. */
export function legible(colour: string, ground: Rgb, towards: Rgb): string {
  const own: Rgb = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as Rgb;
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = own.map((value, at) => Math.round(value + ((towards[at] ?? 0) - value) * share)) as Rgb;
    if (contrast(mixed, ground) >= CONTRAST) return `rgb(${mixed.join(" ")})`;
  }
  return `rgb(${towards.join(" ")})`;
}

export function contrast(one: Rgb, other: Rgb): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

/** Relative luminance by WCAG 2.2. */
function luminance(colour: Rgb): number {
  const [red = 0, green = 0, blue = 0] = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
