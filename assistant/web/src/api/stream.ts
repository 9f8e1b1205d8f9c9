/** A turn's events over POST, resumed where they broke off when the connection drops. */

import { EventSourceParserStream } from "eventsource-parser/stream";
import { messagesUrl, messageUrl } from "./client";
import { ProblemError, problemOf, UNREACHABLE } from "./problem";
import type { Dropped, TurnEvent } from "./types";

/** Milliseconds before each attempt to resume; the service waits only a moment, so the first is made at once. */
const PAUSES = [0, 300, 1000, 2000, 4000];
/** How long the service goes on with a turn while the page is away: long enough to load it anew. */
const KEEP_SECONDS = "15";

export interface Draft {
  text: string;
  images: File[];
  audio: File[];
  video: File[];
  dropped: Dropped[];
}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

interface Options {
  signal: AbortSignal;
  fetch?: Fetch;
  pauses?: number[];
}

/** Send a message and yield its events until the turn is done or has failed. */
export function sendMessage(sessionId: string, messageId: string, draft: Draft, options: Options) {
  const first: RequestInit = { method: "POST", body: formOf(messageId, draft) };
  return followTurn(sessionId, messageId, () => request(options, messagesUrl(sessionId), first), options);
}

/** Yield the events of a turn that is already running, from its beginning. */
export function resumeMessage(sessionId: string, messageId: string, options: Options) {
  return followTurn(sessionId, messageId, () => request(options, eventsUrl(sessionId, messageId), {}), options);
}

async function* followTurn(
  sessionId: string,
  messageId: string,
  begin: () => Promise<Response>,
  options: Options,
): AsyncGenerator<TurnEvent> {
  const pauses = options.pauses ?? PAUSES;
  let lastId = "";
  let attempts = 0;
  let open = begin;
  while (true) {
    try {
      for await (const message of messages(await open())) {
        attempts = 0;
        lastId = message.id ?? lastId;
        const event: TurnEvent = JSON.parse(message.data);
        yield event;
        if (event.type === "done" || event.type === "error") return;
      }
    } catch (error) {
      if (options.signal.aborted || error instanceof ProblemError) throw error;
      if (lastId === "" && attempts === 0) throw error;
    }
    const pause = pauses[attempts++];
    if (pause === undefined) throw new ProblemError(UNREACHABLE);
    await sleep(pause, options.signal);
    open = () => request(options, eventsUrl(sessionId, messageId), { headers: { "Last-Event-ID": lastId } });
  }
}

const eventsUrl = (sessionId: string, messageId: string) => `${messageUrl(sessionId, messageId)}/events`;

async function request(options: Options, url: string, init: RequestInit): Promise<Response> {
  const headers = { ...init.headers, Accept: "text/event-stream" };
  const response = await (options.fetch ?? fetch)(url, { ...init, headers, signal: options.signal });
  if (!response.ok) throw new ProblemError(await problemOf(response));
  return response;
}

async function* messages(response: Response) {
  if (!response.body) return;
  const stream = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

function formOf(messageId: string, draft: Draft): FormData {
  const form = new FormData();
  form.set("message_id", messageId);
  form.set("keep_seconds", KEEP_SECONDS);
  form.set("text", draft.text);
  if (globalThis.document?.documentElement.lang) form.set("language", document.documentElement.lang);
  if (draft.dropped.length) form.set("drop_constraints", JSON.stringify(draft.dropped));
  for (const file of draft.images) form.append("images", file, file.name);
  for (const file of draft.audio) form.append("audio", file, file.name);
  for (const file of draft.video) form.append("video", file, file.name);
  return form;
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
