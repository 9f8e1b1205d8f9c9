/** The shapes of docs/api.md, as far as the page uses them. */

export interface Info {
  version: string;
  auth: "none" | "key";
  user: string | null;
  models: Record<string, string>;
  items: number | null;
  languages: string[];
  limits: Limits;
}

export interface Limits {
  message_characters: number;
  attachments: number;
  image_bytes: number;
  audio_bytes: number;
  audio_seconds: number;
}

export interface Session {
  session_id: string;
  title: string;
  created_at: number;
  updated_at: number;
  turns: number;
}

export interface SessionDetail extends Session {
  messages: Message[];
  constraints: Constraint[];
  /** What is likely wanted: it moves the ranking and hides nothing. */
  preferences: Constraint[];
  feedback: { item_id: string; event: FeedbackEvent; at: number }[];
  /** The message in work. */
  pending: PendingMessage | null;
}

export interface PendingMessage {
  message_id: string;
  said: string;
  attachments: Attachment[];
  /** How long ago its turn began. */
  seconds: number;
}

export interface Message {
  turn: number;
  message_id: string;
  said: string;
  attachments: Attachment[];
  at: number;
  reply: Reply;
}

export interface Attachment {
  id: string;
  kind: "picture" | "audio";
  name: string;
  url: string;
}

export type ConstraintValue = string | number | boolean;

export interface Dropped {
  field: string;
  value: ConstraintValue;
  /** Of the field attributes: whose value it is. */
  attribute?: string | null;
}

/** One of the ways in which an item is sold. */
export interface Variant {
  /** Name of each attribute to its value. */
  options: Record<string, string>;
  price: number | null;
  in_stock: boolean | null;
}

export interface Constraint extends Dropped {
  source: string;
  words: string;
  /** A price bound that itself is not meant: under 100 has the value 99.99. */
  exclusive?: boolean;
  currency?: string | null;
}

export interface Evidence {
  id: string;
  source: string;
  /** The fact in English. */
  detail: string;
  /** The fact in the reply's language; empty where an earlier version kept the reply. */
  sentence: string;
  score: number | null;
}

export interface Recommendation {
  rank: number;
  item_id: string;
  title: string;
  price: number | null;
  currency: string | null;
  /** What the price is of, where the item has several; missing in replies of earlier versions. */
  variant?: Variant | null;
  score: number;
  explanation: string;
  explained_by: "model" | "template";
  evidence: Evidence[];
}

export interface TranscriptNote {
  attachment: string;
  text: string;
  language: string | null;
  confidence: number;
}

export interface Label {
  label: string;
  score: number;
}

export interface PictureNote {
  attachment: string;
  labels: Label[];
}

export interface Relaxation {
  field: string;
  wanted: ConstraintValue;
  used: ConstraintValue | null;
  words: string;
}

export interface Step {
  tool: string;
  arguments: Record<string, unknown>;
  origin: string;
  ok: boolean;
  error: string | null;
  seconds: number;
}

export interface CartItem {
  item_id: string;
  title: string;
  /** Where the shop puts it in its own cart; null where none is configured. */
  url: string | null;
}

/** An item that stands elsewhere than on the first cards, is new, or is gone. */
export interface Change {
  item_id: string;
  title: string;
  /** Its rank on the first cards; null where it was not on them. */
  before: number | null;
  /** Its rank now; null where it is not shown any more. */
  rank: number | null;
  cause: "search" | "condition" | "ranking";
  /** What did it, in the language of the answer. */
  reason: string;
}

export interface Question {
  text: string;
  /** Short answers, each a message of its own. */
  choices: string[];
}

/** What is shown for one of several wishes. */
export interface Group {
  wish: string;
  item_ids: string[];
  constraints: Record<string, unknown>;
  /** What is to be said of this wish alone. */
  message: string | null;
}

export interface Reply {
  session_id: string;
  query: { text: string; transcripts: TranscriptNote[]; pictures: PictureNote[] };
  intent: "recommend" | "compare" | "details" | "why" | "chat" | "shop" | "cart";
  language: string;
  constraints: Record<string, unknown>;
  relaxed: Relaxation[];
  recommendations: Recommendation[];
  /** What is other than on the first cards; missing where an earlier version kept the reply. */
  changes?: Change[];
  steps: Step[];
  message: string;
  /** The items by wish, where the message has several; missing where an earlier version kept the reply. */
  groups?: Group[];
  /** What the assistant asks back. */
  question?: string | null;
  /** Short answers to the question, each a message of its own; missing where an earlier version kept the reply. */
  choices?: string[];
  /** What the message itself rests on; missing where an earlier version kept the reply. */
  evidence?: Evidence[];
  cart?: CartItem | null;
  degraded: string[];
  models: Record<string, string>;
  timings: { total: number; llm: number; tools: number; other: number };
  usage: { llm_calls: number; prompt_tokens: number; completion_tokens: number; cached_tokens: number };
}

/** An item as lists carry it. */
export interface Hit {
  item_id: string;
  title: string;
  price: number | null;
  currency: string | null;
  category?: string | null;
  brand?: string | null;
  in_stock?: boolean | null;
  variant?: Variant | null;
  score?: number;
  /** Address of its first picture; null when it has none, missing where that is not told. */
  image?: string | null;
}

export interface Item {
  id: string;
  title: string;
  description: string;
  price: number | null;
  currency: string | null;
  category: string | null;
  brand: string | null;
  url: string | null;
  images: string[];
  in_stock: boolean | null;
  attributes: Record<string, unknown>;
}

export interface Picture {
  name: string;
  state: "ready" | "remote" | "lost";
  url: string | null;
  reason: string | null;
}

/** Everything that is known of an item. */
export interface ItemDetail {
  item: Item;
  pictures: Picture[];
  vectors: { space: string; count: number; encoder: { encoder: string } | null }[];
}

export interface Neighbours {
  items: Hit[];
  /** Why there are none. */
  missing: string[];
}

export interface CatalogueStats {
  items: number;
  pictures: number;
  categories: Record<string, number>;
  brands: Record<string, number>;
  currencies: string[];
  min_price: number | null;
  max_price: number | null;
}

export interface MapPoint {
  item_id: string;
  title: string;
  category: string | null;
  x: number;
  y: number;
}

export type MapSpace = "text" | "picture";

/** The catalogue in two dimensions; of a large one a sample. */
export interface CatalogueMap {
  points: MapPoint[];
  total: number;
  sampled: boolean;
}

export type FeedbackEvent = "view" | "like" | "dislike" | "more_like_this" | "not_this";

/** One thing that the user is taken to like (above zero) or not. */
export interface Preference {
  attribute: string;
  value: string;
  /** From -1 to 1. */
  weight: number;
}

export interface Regarded {
  item_id: string;
  title: string | null;
}

export interface Profile {
  events: number;
  price: [number, number] | null;
  preferences: Preference[];
  /** What the user said themselves, in the place of what was read off what they did. */
  corrected: Preference[];
  liked: Regarded[];
  disliked: Regarded[];
}

/** RFC 9457 problem details. */
export interface Problem {
  status: number;
  title: string;
  detail: string;
  retryAfter?: number;
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
