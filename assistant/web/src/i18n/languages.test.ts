import { describe, expect, test } from "vitest";
import { en } from "./en";
import { LANGUAGES } from "./index";

type Tree = { [key: string]: Tree | string | ((...given: never[]) => string) };

/** Every entry by its path; what a function writes is got from numbers and from words. */
function entries(tree: Tree, path = ""): [string, string[]][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string[]][] => {
    const name = `${path}.${key}`;
    if (typeof value === "string") return [[name, [value]]];
    if (typeof value === "object") return entries(value, name);
    const write = value as (...given: unknown[]) => string;
    const given = [
      [1, 1],
      [2, 3],
      [7, 12],
    ].map((numbers) => {
      try {
        return String(write(...numbers));
      } catch {
        return String(write("a", "b"));
      }
    });
    return [[name, given]];
  });
}

const english = new Map(entries(en as unknown as Tree));

/** What is the same in two languages by chance or because it is a name. */
const SAME = new Set(
  "chat,seconds,elapsed,include_terms,attributes,chat.title,name,filters,Filter,message,composer.label,forItem,attachments".split(
    ",",
  ),
);

describe.each(Object.entries(LANGUAGES))("%s", (language, { words }) => {
  test("has every key of the English words and no other", async () => {
    const own = new Map(entries((await words()) as unknown as Tree));
    expect([...own.keys()].toSorted()).toEqual([...english.keys()].toSorted());
  });

  test("has words under every key, without placeholders", async () => {
    for (const [key, texts] of entries((await words()) as unknown as Tree)) {
      for (const text of texts) expect(text.trim(), key).not.toMatch(/^$|\{\}|undefined|NaN|\$\{/);
    }
  });

  test("is translated: hardly anything reads as in English", async () => {
    if (language === "en") return;
    const own = entries((await words()) as unknown as Tree);
    const same = own.filter(([key, texts]) => !SAME.has(key) && texts[0] === english.get(key)?.[0]);
    expect(same.length, same.map(([key]) => key).join(" ")).toBeLessThan(own.length / 10);
  });

  test("puts numbers of items into words", async () => {
    const { catalogue } = await words();
    expect(catalogue.found(1234)).toMatch(/1[.,\s\u202f]?234/);
  });
});

test("every language's file is on the list", () => {
  const files = Object.keys(import.meta.glob("./[a-z][a-z].ts")).map((path) => path.slice(2, 4));
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
