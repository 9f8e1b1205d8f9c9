import { expect, test } from "vitest";
import { ProblemError } from "./problem";
import { resumeMessage, sendMessage } from "./stream";
import type { TurnEvent } from "./types";

const draft = { text: "shoes", images: [], audio: [], video: [], dropped: [{ field: "max_price", value: 5 }] };

interface Call {
  url: string;
  init: RequestInit;
}

/** A service that answers each request with the next of the given responses. */
function service(...answers: (Response | Error)[]) {
  const calls: Call[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    calls.push({ url, init });
    const answer = answers.shift() ?? new TypeError("nobody there");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { calls, options: { fetch, signal: new AbortController().signal, pauses: [0, 0] } };
}

function events(...names: [id: number, event: object][]): Response {
  return new Response(names.map(([id, event]) => `id: m:${id}\ndata: ${JSON.stringify(event)}\n\n`).join(""));
}

/** A stream that breaks off after what was sent. */
function broken(...names: [id: number, event: object][]): Response {
  const text = names.map(([id, event]) => `id: m:${id}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  let sent = false;
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (sent) controller.error(new TypeError("network error"));
        else controller.enqueue(new TextEncoder().encode(text));
        sent = true;
      },
    }),
  );
}

async function typesOf(stream: AsyncGenerator<TurnEvent>): Promise<string[]> {
  const types = [];
  for await (const event of stream) types.push(event.type);
  return types;
}

const headers = (call: Call | undefined) => new Headers(call?.init.headers);

test("a message goes out as a form, and its events come back", async () => {
  const { calls, options } = service(events([1, { type: "accepted" }], [2, { type: "done" }]));
  expect(await typesOf(sendMessage("s 1", "m", draft, options))).toEqual(["accepted", "done"]);
  const form = calls[0]?.init.body as FormData;
  expect(calls[0]?.url).toBe("api/sessions/s%201/messages");
  expect(form.get("message_id")).toBe("m");
  expect(form.get("drop_constraints")).toBe('[{"field":"max_price","value":5}]');
});

test.each([
  ["ends early", events([1, { type: "accepted" }])],
  ["breaks off", broken([1, { type: "accepted" }])],
])("a stream that %s is resumed behind the last event", async (_, first) => {
  const { calls, options } = service(first, events([2, { type: "done" }]));
  expect(await typesOf(sendMessage("s", "m", draft, options))).toEqual(["accepted", "done"]);
  expect(calls[1]?.url).toBe("api/sessions/s/messages/m/events");
  expect(headers(calls[1]).get("Last-Event-ID")).toBe("m:1");
});

test("an attempt to resume that fails is repeated", async () => {
  const { calls, options } = service(
    broken([7, { type: "accepted" }]),
    new TypeError("down"),
    events([8, { type: "done" }]),
  );
  expect(await typesOf(sendMessage("s", "m", draft, options))).toEqual(["accepted", "done"]);
  expect(calls).toHaveLength(3);
});

test("after some attempts the service counts as unreachable", async () => {
  const { options } = service(broken([1, { type: "accepted" }]));
  await expect(typesOf(sendMessage("s", "m", draft, options))).rejects.toMatchObject({ problem: { status: 0 } });
});

test("a service that was never reached is not asked for events", async () => {
  const { calls, options } = service(new TypeError("down"));
  await expect(typesOf(sendMessage("s", "m", draft, options))).rejects.toThrow("down");
  expect(calls).toHaveLength(1);
});

test("a refusal is told with its problem details", async () => {
  const refusal = new Response('{"title": "Too many", "detail": "Slow down."}', {
    status: 429,
    headers: { "Retry-After": "7" },
  });
  const error = await typesOf(resumeMessage("s", "m", service(refusal).options)).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ProblemError);
  expect(error.problem).toEqual({ status: 429, title: "Too many", detail: "Slow down.", retryAfter: 7 });
});
