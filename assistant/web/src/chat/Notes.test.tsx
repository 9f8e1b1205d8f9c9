import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import type { Reply } from "../api/types";
import { Notes } from "./Notes";

test.each([
  ["include_terms", null, "wool: left out"],
  ["exclude_terms", null, "wool: shown although you ruled it out"],
  ["exclude_brands", null, "wool: shown although you ruled it out"],
  ["brands", "Nordlys", "wool: now Nordlys"],
])("what became of %s", (field, used, words) => {
  const reply = { relaxed: [{ field, words: "wool", used }], recommendations: [], degraded: [], internal: [] };
  const shown = renderToStaticMarkup(
    <QueryClientProvider client={new QueryClient()}>
      <Notes reply={reply as unknown as Reply} />
    </QueryClientProvider>,
  );
  expect(shown).toContain(`<li>${words}</li>`);
});
