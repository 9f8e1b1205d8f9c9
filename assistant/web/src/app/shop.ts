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

/** Show the shop's colours for buttons and links in the place of the page's own. */
export function useShopColours() {
  const colours = useShop()?.colours;
  const [light, dark] = [colours?.light ?? colours?.dark, colours?.dark ?? colours?.light];
  useEffect(() => {
    const { style } = document.documentElement;
    const chosen = {
      "--accent": (colour: string) => colour,
      "--accent-hover": (colour: string) => `color-mix(in srgb, ${colour} 85%, black)`,
      "--accent-soft": (colour: string) => `color-mix(in srgb, ${colour} 14%, transparent)`,
      "--on-accent": readable,
    };
    for (const [name, of] of Object.entries(chosen)) {
      if (light && dark) style.setProperty(name, `light-dark(${of(light)}, ${of(dark)})`);
      else style.removeProperty(name);
    }
  }, [light, dark]);
}

/** Black or white, whichever has the higher contrast on a colour #rrggbb (WCAG 2.2, relative luminance). */
export function readable(colour: string): "#000" | "#fff" {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000" : "#fff";
}
