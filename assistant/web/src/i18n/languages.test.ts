import { describe, expect, test } from "vitest";
import { WORDS } from "../admin/words";
import { en as adminEn } from "../admin/words/en";
import { en } from "./en";
import { LANGUAGES, type Language } from "./index";

type Tree = { [key: string]: Tree | string | ((...given: never[]) => string) };

/** Every entry by its path; what a function writes is got from numbers and from words. */
function entries(tree: Tree, path = ""): [string, string[]][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string[]][] => {
    const name = `${path}.${key}`;
    if (typeof value === "string") return [[name, [value]]];
    if (typeof value === "object") return entries(value, name);
    const write = value as (...given: unknown[]) => string;
    const given = [Array(5).fill(0), Array(5).fill(1), [2, 3, 4, 5, 6], [7, 12, 31, 48, 95]].map((numbers) => {
      try {
        return String(write(...numbers));
      } catch {
        return String(write("a", "b"));
      }
    });
    return [[name, given]];
  });
}

/** The numbers in a sentence, and placeholders such as `{id}` that it names. */
const slots = (text = "") => text.match(/\{\w+\}|\d+/g)?.toSorted() ?? [];

const SETS = [
  ["the page", en, (language: Language) => LANGUAGES[language].words()],
  ["the admin page", adminEn, (language: Language) => WORDS[language]()],
] as const;

describe.each(
  SETS.flatMap(([page, english, words]) =>
    (Object.keys(LANGUAGES) as Language[]).map((language) => ({ page, language, english, words })),
  ),
)("$page in $language", ({ language, english, words }) => {
  const expected = new Map(entries(english as unknown as Tree));
  const read = async () => entries((await words(language)) as unknown as Tree);

  test("has every key of the English words and no other", async () => {
    expect((await read()).map(([key]) => key).toSorted()).toEqual([...expected.keys()].toSorted());
  });

  test("has words under every key, without placeholders", async () => {
    for (const [key, texts] of await read()) {
      for (const text of texts) expect(text.trim(), key).not.toMatch(/^$|\{\}|undefined|NaN|\$\{/);
    }
  });

  test("says every number and name that the English words say", async () => {
    for (const [key, texts] of await read()) {
      if (key.startsWith(".say.")) continue; // ordinals are words, each language has its own
      for (const [place, text] of texts.entries()) {
        const said = slots(text).filter((slot) => slot !== "1"); // "one item" has no figure in some languages
        expect(said, key).toEqual(slots(expected.get(key)?.[place]).filter((slot) => slot !== "1"));
      }
    }
  });

  test("is translated: hardly anything reads as in English", async () => {
    if (language === "en") return;
    const own = await read();
    const same = own.filter(([key, texts]) => texts[0] === expected.get(key)?.[0]);
    expect(same.length, same.map(([key]) => key).join(" ")).toBeLessThan(own.length / 10);
  });
});

test.each(Object.entries(LANGUAGES))("%s puts numbers of items into words", async (_, { words }) => {
  const { catalogue } = await words();
  expect(catalogue.found(1234)).toMatch(/1[.,\s\u202f]?234/);
});

test.each([
  ["the page", import.meta.glob("./[a-z][a-z].ts")],
  ["the admin page", import.meta.glob("../admin/words/[a-z][a-z].ts")],
])("every language's file of %s is on the list", (_, found) => {
  const files = Object.keys(found).map((path) => path.slice(-5, -3));
  expect(files.toSorted()).toEqual(Object.keys(LANGUAGES).toSorted());
});

test("no component has words of its own", () => {
  const sources = import.meta.glob<string>(["../**/*.tsx", "!../**/*.test.tsx"], {
    query: "?raw",
    import: "default",
    eager: true,
  });
  expect(Object.keys(sources).length).toBeGreaterThan(30);
  for (const [path, source] of Object.entries(sources)) {
    expect(source, path).not.toMatch(/(aria-label|placeholder|title|alt|label)="[A-Z]/);
  }
});
