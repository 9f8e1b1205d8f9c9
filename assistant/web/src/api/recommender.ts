/**
 * A client for a shop's own pages and programs, in browsers and Node:
 *
 *     import { connect } from "https://assistant.example/recommender.js";
 *     const reply = await connect({ key }).ask("black running shoes under $100");
 *
 * A page of another web site needs its origin in the setting service.cors, and a key of a shopper.
 */

import { ProblemError, problemOf } from "./problem";
import { type Draft, sendMessage } from "./stream";
import type { FeedbackEvent, Hit, ItemDetail, Reply, Session, TurnEvent } from "./types";

export type { FeedbackEvent, Hit, ItemDetail, Reply, TurnEvent };
export { ProblemError };

export interface Connection {
  /** Address of the service; default: where this file came from. */
  url?: string;
  /** A key that `assistant keys create` made. */
  key?: string;
}

export interface Question {
  images?: File[];
  audio?: File[];
  video?: File[];
  /** An earlier reply's session_id goes on with its conversation. */
  session?: string;
  signal?: AbortSignal;
}

export interface Recommender {
  /** The answer to a message. Throws ProblemError where the service refuses or fails. */
  ask(text: string, question?: Question): Promise<Reply>;
  /** The same as events, while it is made; the last is "done". */
  events(text: string, question?: Question): AsyncGenerator<TurnEvent>;
  /** Items of the catalogue by words and filters: query, category, brand, min_price, max_price, in_stock, sort. */
  items(filter?: Record<string, string>): Promise<{ items: Hit[]; total: number }>;
  item(id: string): Promise<ItemDetail>;
  /** A picture of an item, for URL.createObjectURL. */
  picture(id: string, number?: number): Promise<Blob>;
  /** What a customer did with an item that was recommended. */
  feedback(session: string, item: string, event: FeedbackEvent): Promise<void>;
}

export function connect({ url = new URL("./", import.meta.url).href, key }: Connection = {}): Recommender {
  const base = url.endsWith("/") ? url : `${url}/`;
  const own: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};

  const request = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, base), { ...init, headers: { ...own, ...(init.headers as Record<string, string>) } });

  async function good(path: string, body?: unknown): Promise<Response> {
    const sent = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const response = await request(path, body === undefined ? {} : sent);
    if (!response.ok) throw new ProblemError(await problemOf(response));
    return response;
  }

  const json = async <T>(path: string, body?: unknown): Promise<T> => (await good(path, body)).json();
  const itemPath = (id: string) => `api/catalogue/items/${encodeURIComponent(id)}`;

  async function* events(text: string, question: Question = {}) {
    const session = question.session ?? (await json<Session>("api/sessions", {})).session_id;
    const { images = [], audio = [], video = [] } = question;
    const draft: Draft = { text, images, audio, video, dropped: [] };
    const signal = question.signal ?? new AbortController().signal;
    yield* sendMessage(session, crypto.randomUUID(), draft, { signal, fetch: request });
  }

  return {
    events,
    async ask(text, question) {
      for await (const event of events(text, question)) {
        if (event.type === "done") return event.reply;
        if (event.type === "error") throw new ProblemError(event.problem);
      }
      throw new Error("The service ended the answer before it was done.");
    },
    items: (filter = {}) => json(`api/catalogue/items?${new URLSearchParams(filter)}`),
    item: (id) => json(itemPath(id)),
    picture: async (id, number = 0) => (await good(`${itemPath(id)}/images/${number}`)).blob(),
    async feedback(session, item, event) {
      await good(`api/sessions/${encodeURIComponent(session)}/feedback`, { item_id: item, event });
    },
  };
}
