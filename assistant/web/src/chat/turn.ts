/** One turn of the conversation as the page shows it, and how each event changes it. */

import type { Draft } from "../api/stream";
import type {
  Attachment,
  Change,
  Dropped,
  Evidence,
  Group,
  Hit,
  Message,
  PendingMessage,
  Problem,
  Question,
  Reply,
  TurnEvent,
  Variant,
} from "../api/types";

export type TurnStatus = "running" | "done" | "stopped" | "failed";

export interface StepView {
  step: string;
  query: string;
  state: "running" | "ok" | "failed";
  seconds: number;
  summary: string;
}

export interface CardView {
  item_id: string;
  title: string;
  price: Hit["price"];
  currency: Hit["currency"];
  variant: Variant | null;
  explanation: string;
  explainedBy: "model" | "template" | null;
  evidence: Evidence[];
}

export interface Turn {
  messageId: string;
  said: string;
  attachments: Attachment[];
  dropped: Dropped[];
  startedAt: number;
  status: TurnStatus;
  steps: StepView[];
  cards: CardView[];
  /** The cards by wish, where there are several wishes. */
  groups: Group[];
  /** What is other than on the first cards, and why. */
  changes: Change[];
  /** What the assistant asks back. */
  question: Question | null;
  /** Whether the cards stand in their final order. */
  settled: boolean;
  reply: Reply | null;
  problem: Problem | null;
}

export function newTurn(messageId: string, draft: Draft, startedAt: number): Turn {
  const files = [
    ...draft.images.map((file) => ({ file, kind: "picture" as const })),
    ...draft.audio.map((file) => ({ file, kind: "audio" as const })),
    ...draft.video.map((file) => ({ file, kind: "video" as const })),
  ];
  return {
    ...runningTurn(messageId, startedAt),
    said: draft.text,
    attachments: files.map(({ file, kind }) => ({ id: "", kind, name: file.name, url: URL.createObjectURL(file) })),
    dropped: draft.dropped,
  };
}

/** A turn that another visit of the page began. */
export function pendingTurn({ message_id, said, attachments, seconds }: PendingMessage, now: number): Turn {
  return { ...runningTurn(message_id, now - seconds * 1000), said, attachments };
}

/** A turn of which nothing is known yet. */
export function runningTurn(messageId: string, startedAt: number): Turn {
  return {
    messageId,
    said: "",
    attachments: [],
    dropped: [],
    startedAt,
    status: "running",
    steps: [],
    cards: [],
    groups: [],
    changes: [],
    question: null,
    settled: false,
    reply: null,
    problem: null,
  };
}

export function finishedTurn(message: Message): Turn {
  const turn = runningTurn(message.message_id, message.at * 1000);
  return withReply({ ...turn, said: message.said, attachments: message.attachments }, message.reply);
}

export function applyEvent(turn: Turn, event: TurnEvent): Turn {
  switch (event.type) {
    case "accepted":
      return { ...turn, attachments: accepted(turn.attachments, event.attachments) };
    case "step_started":
      return { ...turn, steps: [...turn.steps, startedStep(event.step, event.arguments)] };
    case "step_finished":
      return { ...turn, steps: finishStep(turn.steps, event) };
    case "provisional":
      return { ...turn, ...listed(event), cards: event.items.map(provisionalCard) };
    case "ranking":
      return { ...turn, ...listed(event), cards: reorder(turn.cards, event.items), settled: true };
    case "explanation":
      return { ...turn, cards: explain(turn.cards, event) };
    case "question":
      return { ...turn, question: { text: event.text, choices: event.choices } };
    case "done":
      return withReply(turn, event.reply);
    case "error":
      return { ...turn, status: "failed", problem: event.problem, steps: settleSteps(turn.steps) };
    default:
      return turn; // an event of a newer service
  }
}

export function stopTurn(turn: Turn): Turn {
  return { ...turn, status: "stopped", steps: settleSteps(turn.steps) };
}

/** The pictures keep the address they are already shown from. */
function accepted(shown: Attachment[], taken: Attachment[]): Attachment[] {
  return taken.map((attachment) => {
    const index = taken.filter((other) => other.kind === attachment.kind).indexOf(attachment);
    const local = shown.filter((other) => other.kind === attachment.kind)[index];
    return { ...attachment, url: local?.url ?? attachment.url };
  });
}

function startedStep(step: string, args: Record<string, unknown>): StepView {
  const query = typeof args.query === "string" ? args.query : "";
  return { step, query, state: "running", seconds: 0, summary: "" };
}

/** Steps carry no id: of several of one name, the one that began first is taken to end first. */
function finishStep(steps: StepView[], event: Extract<TurnEvent, { type: "step_finished" }>): StepView[] {
  const finished = { state: event.ok ? "ok" : "failed", seconds: event.seconds, summary: event.summary } as const;
  const index = steps.findIndex((step) => step.step === event.step && step.state === "running");
  if (index < 0) return [...steps, { ...startedStep(event.step, {}), ...finished }];
  return steps.map((step, at) => (at === index ? { ...step, ...finished } : step));
}

function settleSteps(steps: StepView[]): StepView[] {
  return steps.map((step) => (step.state === "running" ? { ...step, state: "failed" } : step));
}

function listed({ groups = [], changes = [] }: { groups?: Group[]; changes?: Change[] }) {
  return { groups, changes };
}

function provisionalCard(hit: Hit): CardView {
  return {
    item_id: hit.item_id,
    title: hit.title,
    price: hit.price,
    currency: hit.currency,
    variant: hit.variant ?? null,
    explanation: "",
    explainedBy: null,
    evidence: [],
  };
}

function reorder(cards: CardView[], items: Hit[]): CardView[] {
  return items.map((hit) => cards.find((card) => card.item_id === hit.item_id) ?? provisionalCard(hit));
}

function explain(cards: CardView[], event: Extract<TurnEvent, { type: "explanation" }>): CardView[] {
  return cards.map((card) =>
    card.item_id === event.item_id ? { ...card, explanation: event.text, explainedBy: event.explained_by } : card,
  );
}

function withReply(turn: Turn, reply: Reply): Turn {
  const cards = [...reply.recommendations]
    .sort((one, other) => one.rank - other.rank)
    .map(({ item_id, title, price, currency, variant, explanation, explained_by, evidence }) => ({
      item_id,
      title,
      price,
      currency,
      variant: variant ?? null,
      explanation,
      explainedBy: explained_by,
      evidence,
    }));
  const steps = turn.steps.length ? settleSteps(turn.steps) : reply.steps.map(pastStep);
  const question = reply.question ? { text: reply.question, choices: reply.choices ?? [] } : null;
  return { ...turn, ...listed(reply), status: "done", reply, cards, question, settled: true, steps };
}

/** What is being done now: of several steps side by side the one that began last. */
export const stepNow = (turn: Turn): StepView | undefined => turn.steps.findLast(({ state }) => state === "running");

/** The cards as they are shown: those of each wish under its group, or all of them without one. */
export function sections(turn: Turn): { group: Group | null; cards: CardView[] }[] {
  if (!turn.groups.length) return [{ group: null, cards: turn.cards }];
  return turn.groups.map((group) => ({
    group,
    cards: group.item_ids.flatMap((id) => turn.cards.find((card) => card.item_id === id) ?? []),
  }));
}

function pastStep(step: Reply["steps"][number]): StepView {
  const started = startedStep(step.tool, step.arguments);
  return { ...started, state: step.ok ? "ok" : "failed", seconds: step.seconds, summary: step.error ?? "" };
}
