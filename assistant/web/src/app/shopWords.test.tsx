import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { useSpeech } from "../i18n";
import { useCounted, usePrice } from "./shop";

function Words({ price, count }: { price: number | null; count: number }) {
  const { t } = useSpeech();
  return `${usePrice()({ price, currency: "EUR" })}|${useCounted()(count, t.chat.items)}`;
}

/** What is said of an item and of a number of items where the shop is this. */
function said(shop: object | undefined, price: number | null, count: number) {
  const client = new QueryClient();
  if (shop) client.setQueryData(["shop"], shop);
  return renderToStaticMarkup(
    <QueryClientProvider client={client}>
      <Words price={price} count={count} />
    </QueryClientProvider>,
  );
}

const COURSES = { en: ["{} course", "{} courses"] };

test.each([
  [undefined, null, 1, "Price unknown|one item"],
  [{ kind: "shop", nouns: {} }, null, 3, "Price unknown|3 items"],
  [{ kind: "learning", nouns: COURSES }, null, 1, "Price unknown|1 course"],
  [{ kind: "learning", nouns: COURSES }, 0, 1234, "€0.00|1,234 courses"],
  [{ kind: "content", nouns: {} }, null, 2, "|2 items"],
  [{ kind: "social", nouns: {} }, 2.5, 2, "€2.50|2 items"],
])("a shop %o: price %o, %o items", (shop, price, count, words) => {
  expect(said(shop, price, count)).toBe(words);
});
