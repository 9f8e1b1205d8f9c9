import type { Hit, Problem } from "../api/types";
import type { Messages } from "./index";

/** A price with its currency, or null where none is known. */
export function price(
  value: Hit["price"],
  currency: Hit["currency"],
  locale: string,
  options: Intl.NumberFormatOptions = {},
): string | null {
  if (value === null || value === undefined) return null;
  try {
    if (currency) return new Intl.NumberFormat(locale, { style: "currency", currency, ...options }).format(value);
  } catch {
    return `${value.toLocaleString(locale)} ${currency}`; // no ISO 4217 code
  }
  return value.toLocaleString(locale, { maximumFractionDigits: 2 });
}

/** A price as people say a limit: "$100" rather than "$100.00". */
export const limit = (value: number, currency: Hit["currency"], locale: string): string =>
  price(value, currency, locale, { trailingZeroDisplay: "stripIfInteger" }) ?? "";

export function percent(share: number, locale: string): string {
  return share.toLocaleString(locale, { style: "percent" });
}

/** "0:07" */
export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** A problem as one sentence in the interface's language, or in the service's own words where those say more. */
export function sentence(problem: Problem, t: Messages): string {
  switch (problem.status) {
    case 0:
      return t.problems.unreachable;
    case 401:
      return t.problems.logIn;
    case 409:
      return problem.detail || t.problems.busy;
    case 413:
      return problem.detail || t.problems.tooLarge;
    case 429:
      return t.problems.tooMany(problem.retryAfter);
    default:
      return problem.detail || problem.title || t.problems.unknown;
  }
}
