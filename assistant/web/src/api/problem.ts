import type { Problem } from "./types";

/** A request that did not succeed; `status` 0 stands for a service that cannot be reached. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** Tells, with an event named "refused", that a request came without a valid login. */
export const logins = new EventTarget();

export const UNREACHABLE: Problem = { status: 0, title: "unreachable", detail: "" };

export async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401) logins.dispatchEvent(new Event("refused"));
  const body: Partial<Problem> = await response.json().catch(() => ({}));
  const retryAfter = Number(response.headers.get("Retry-After"));
  return {
    status: response.status,
    title: body.title ?? response.statusText,
    detail: typeof body.detail === "string" ? body.detail : "",
    ...(retryAfter > 0 ? { retryAfter } : {}),
  };
}

/** What went wrong, whatever was thrown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof TypeError) return UNREACHABLE;
  return { status: -1, title: "unexpected", detail: error instanceof Error ? error.message : String(error) };
}
