import { prerender } from "react-dom/static";
import { expect, test, vi } from "vitest";
import { LANGUAGES, type Language, SpeechProvider } from "../../i18n";
import { en } from "../../i18n/en";
import { useWords, WORDS } from ".";

function Title() {
  return useWords().title;
}

async function shown(language: Language): Promise<string> {
  const first = { language, locale: LANGUAGES[language].locale, t: en };
  const { prelude } = await prerender(
    <SpeechProvider first={first}>
      <Title />
    </SpeechProvider>,
  );
  return new Response(prelude).text();
}

test("the page is in the interface's language", async () => {
  expect(await shown("en")).toBe("Your shop");
  expect(await shown("de")).toBe("Ihr Shop");
  expect(await shown("fr")).toBe("Votre boutique");
});

test("words that cannot be fetched are English", async () => {
  vi.spyOn(WORDS, "es").mockRejectedValue(new TypeError("Failed to fetch"));
  expect(await shown("es")).toBe("Your shop");
});
