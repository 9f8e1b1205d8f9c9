/** Every call that the page makes, one function each. Addresses are relative, so that the page may stand under a path. */

import { ProblemError, problemOf } from "./problem";
import type {
  CatalogueMap,
  CatalogueStats,
  FeedbackEvent,
  Hit,
  Info,
  ItemDetail,
  MapSpace,
  Neighbours,
  Preference,
  Profile,
  Session,
  SessionDetail,
  Shop,
} from "./types";

export async function call(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(path, init);
  if (!response.ok) throw new ProblemError(await problemOf(response));
  return response;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await call(path, { headers: { Accept: "application/json" }, signal: signal ?? null });
  return response.json();
}

export function send(method: string, path: string, body?: unknown): Promise<Response> {
  if (body === undefined) return call(path, { method });
  return call(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

export function query(values: Record<string, string | number | boolean | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

const sessionPath = (id: string) => `api/sessions/${encodeURIComponent(id)}`;
const itemPath = (id: string) => `api/catalogue/items/${encodeURIComponent(id)}`;

export const shop = () => get<Shop>("api/shop");
export const info = () => get<Info>("api/info");
export const logIn = (key: string) => send("POST", "api/login", { key });
export const beginVisit = () => send("POST", "api/visitors");
export const logOut = () => send("DELETE", "api/login");

export const listSessions = async (words: string) =>
  (await get<{ sessions: Session[] }>(`api/sessions?${query({ limit: 50, query: words })}`)).sessions;
export const getSession = (id: string) => get<SessionDetail>(sessionPath(id));
export const createSession = async (): Promise<Session> => (await send("POST", "api/sessions", {})).json();
export const renameSession = (id: string, title: string) => send("PATCH", sessionPath(id), { title });
export const deleteSession = (id: string) => send("DELETE", sessionPath(id));
export const exportUrl = (id: string, format: "json" | "markdown") => `${sessionPath(id)}/export?format=${format}`;

export const messagesUrl = (sessionId: string) => `${sessionPath(sessionId)}/messages`;
export const messageUrl = (sessionId: string, messageId: string) =>
  `${messagesUrl(sessionId)}/${encodeURIComponent(messageId)}`;
export const stopMessage = (sessionId: string, messageId: string) => send("DELETE", messageUrl(sessionId, messageId));
export const sendFeedback = (sessionId: string, itemId: string, event: FeedbackEvent) =>
  send("POST", `${sessionPath(sessionId)}/feedback`, { item_id: itemId, event });

export interface ItemFilter {
  query?: string;
  category?: string;
  brand?: string;
  min_price?: number;
  max_price?: number;
  in_stock?: boolean;
  sort?: string;
}

export const catalogueStats = () => get<CatalogueStats>("api/catalogue/stats");
export const findItems = (filter: ItemFilter, offset: number, limit: number, signal?: AbortSignal) =>
  get<{ items: Hit[]; total: number; has_more: boolean }>(
    `api/catalogue/items?${query({ ...filter, offset, limit })}`,
    signal,
  );
export const getItem = (id: string) => get<ItemDetail>(itemPath(id));
export const imageUrl = (id: string) => `${itemPath(id)}/images/0`;
export const neighbours = (id: string, by: MapSpace, k: number) =>
  get<Neighbours>(`${itemPath(id)}/neighbours?${query({ by, k })}`);
export const catalogueMap = (space: MapSpace) => get<CatalogueMap>(`api/catalogue/map?${query({ space })}`);

export const noteEvent = (itemId: string, event: "view" | "cart") =>
  send("POST", "api/me/events", { events: [{ item_id: itemId, event }] });
export const myProfile = () => get<Profile>("api/me/profile");
export const changePreference = (preference: Preference) => send("PUT", "api/me/profile", preference);
export const dropPreference = (attribute: string, value: string) =>
  send("DELETE", `api/me/profile?${query({ attribute, value })}`);
export const dropTaste = (catalogue: string) => send("DELETE", `api/me/tastes?${query({ catalogue })}`);
export const myDataUrl = "api/me/export";
export const forgetMe = () => send("DELETE", "api/me");
