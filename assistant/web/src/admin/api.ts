/** The calls of the admin page. */

import { call, get, query, send } from "../api/client";
import type { components } from "../api/schema";

type Schemas = components["schemas"];
export type Insights = Schemas["Insights"];
export type WishCount = Schemas["WishCount"];
export type Feed = Schemas["Feed"];
export type FeedReading = Schemas["FeedReading"];
export type Job = Schemas["ImportJob"];
export type ScheduleState = Schemas["ScheduleState"];
export type Schedule = Schemas["Schedule"];
export type ShopProfile = Schemas["ShopProfile"];
export type Rules = Schemas["ShopRules"];
export type RulesOut = Schemas["RulesOut"];
export type Key = Schemas["Key"];
export type NewKey = Schemas["NewKey"];
export type Ready = Schemas["Ready"];

const json = async <T>(answer: Promise<Response>): Promise<T> => (await answer).json();
const feedPath = (id: string) => `api/admin/feeds/${encodeURIComponent(id)}`;

export const getInsights = (days: number) => get<Insights>(`api/admin/insights?${query({ days })}`);
export const csvUrl = (table: string, days: number) => `api/admin/insights/${table}.csv?${query({ days })}`;

export const uploadFeed = (file: File) =>
  json<Feed>(
    call(`api/admin/feeds?${query({ name: file.name })}`, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: file,
    }),
  );
export const checkFeed = (id: string, reading: FeedReading) =>
  json<Feed>(send("POST", `${feedPath(id)}/check`, reading));
export const importFeed = (id: string, reading: FeedReading) =>
  json<Job>(send("POST", `${feedPath(id)}/import`, reading));
export const getJob = (id: string) => get<Job>(`api/jobs/${encodeURIComponent(id)}`);
export const cancelJob = (id: string) => send("DELETE", `api/jobs/${encodeURIComponent(id)}`);

export const getSchedule = () => get<ScheduleState>("api/admin/schedule");
export const putSchedule = (schedule: Schedule) => json<ScheduleState>(send("PUT", "api/admin/schedule", schedule));
export const dropSchedule = () => json<ScheduleState>(send("DELETE", "api/admin/schedule"));
export const runSchedule = () => json<ScheduleState>(send("POST", "api/admin/schedule/run"));

export const getProfile = () => get<ShopProfile>("api/admin/shop");
export const putProfile = (profile: ShopProfile) => json<ShopProfile>(send("PUT", "api/admin/shop", profile));
export const putLogo = (file: File) =>
  call("api/admin/shop/logo", { method: "PUT", headers: { "Content-Type": file.type || "image/png" }, body: file });
export const dropLogo = () => send("DELETE", "api/admin/shop/logo");

export const getRules = () => get<RulesOut>("api/admin/rules");
export const putRules = (rules: Rules) => json<RulesOut>(send("PUT", "api/admin/rules", rules));

export const getKeys = async () => (await get<{ keys: Key[] }>("api/keys")).keys;
export const createKey = (name: string, role: Schemas["KeyIn"]["role"], days: number | null) =>
  json<NewKey>(send("POST", "api/keys", { name, role, days }));
export const revokeKey = (id: string) => send("DELETE", `api/keys/${encodeURIComponent(id)}`);

/** What is missing comes with the status 503. */
export const getHealth = async (): Promise<Ready> => (await fetch("readyz")).json();
