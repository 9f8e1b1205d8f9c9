/** The page's names for what the service sends and takes; `npm run types` makes schema.ts from its OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Info = Schemas["Info"];
export type Shop = Schemas["ShopOut"];
export type Limits = Schemas["LimitsOut"];

export type Session = Schemas["SessionOut"];
export type SessionDetail = Schemas["SessionDetail"];
export type PendingMessage = Schemas["PendingMessage"];
export type Message = Schemas["MessageOut"];
export type Attachment = Schemas["AttachmentOut"];

export type Reply = Schemas["Reply"];
export type Constraint = Schemas["Constraint"];
export type Dropped = Schemas["Dropped"];
export type Evidence = Schemas["CitedEvidence"];
export type TranscriptNote = Schemas["TranscriptNote"];
export type PictureNote = Schemas["PictureNote"];
export type Moment = Schemas["Moment"];
export type Change = Schemas["Change"];
export type Group = Schemas["Group"];
export type Variant = Schemas["Variant"];

export type Hit = Schemas["ItemCard"];
export type Item = Schemas["Item"];
export type ItemDetail = Schemas["ItemOut"];
export type Neighbours = Schemas["Neighbours"];
export type CatalogueStats = Schemas["StatsOut"];
export type CatalogueMap = Schemas["Map"];
export type MapPoint = Schemas["Point"];
export type MapSpace = CatalogueMap["space"];

export type FeedbackEvent = Schemas["FeedbackIn"]["event"];
export type Preference = Schemas["Preference"];
export type Regarded = Schemas["LikedItem"];
export type Profile = Schemas["History"];
export type LikedElsewhere = Schemas["LikedElsewhere"];

/** RFC 9457 problem details. */
export interface Problem {
  status: number;
  title: string;
  detail: string;
  retryAfter?: number;
}

export interface Question {
  text: string;
  /** Short answers, each a message of its own. */
  choices: string[];
}

export type TurnEvent =
  | { type: "accepted"; message_id: string; session_id: string; attachments: Attachment[] }
  | { type: "step_started"; step: string; arguments: Record<string, unknown>; origin: string }
  | { type: "step_finished"; step: string; ok: boolean; seconds: number; summary: string }
  | { type: "provisional"; items: Hit[]; further?: string[]; groups?: Group[]; changes?: Change[] }
  | { type: "ranking"; items: Hit[]; further?: string[]; groups?: Group[]; changes?: Change[] }
  | { type: "explanation"; item_id: string; rank: number; text: string; explained_by: "model" | "template" }
  | { type: "cart"; item_id: string; title: string; url: string | null }
  | ({ type: "question" } & Question)
  | { type: "done"; reply: Reply }
  | { type: "error"; problem: Problem };
