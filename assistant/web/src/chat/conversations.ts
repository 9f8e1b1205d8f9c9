/** The conversations of this visit. They live outside the pages, so that an answer goes on while the user looks around. */

import { create } from "zustand";
import { createSession, getSession, stopMessage } from "../api/client";
import { asProblem } from "../api/problem";
import { type Draft, resumeMessage, sendMessage } from "../api/stream";
import type { Constraint, PendingMessage, Problem, TurnEvent } from "../api/types";
import { noteOpinion } from "./opinions";
import { applyEvent, finishedTurn, newTurn, pendingTurn, stopTurn, type Turn } from "./turn";

export interface Conversation {
  loading: boolean;
  problem: Problem | null;
  turns: Turn[];
  constraints: Constraint[];
  preferences: Constraint[];
}

interface Conversations {
  byId: Record<string, Conversation>;
}

const EMPTY: Conversation = { loading: false, problem: null, turns: [], constraints: [], preferences: [] };

export const useConversations = create<Conversations>(() => ({ byId: {} }));

/** What is needed to stop a running turn or to send a failed one again; not part of what is shown. */
const aborts = new Map<string, AbortController>();
const drafts = new Map<string, Draft>();
/** By session, a stop that the service has not confirmed yet: until then it refuses a next message. */
const stops = new Map<string, Promise<unknown>>();

function update(sessionId: string, change: (conversation: Conversation) => Partial<Conversation>) {
  useConversations.setState(({ byId }) => {
    const before = byId[sessionId] ?? EMPTY;
    return { byId: { ...byId, [sessionId]: { ...before, ...change(before) } } };
  });
}

function updateTurn(sessionId: string, messageId: string, change: (turn: Turn) => Turn) {
  update(sessionId, ({ turns }) => ({
    turns: turns.map((turn) => (turn.messageId === messageId ? change(turn) : turn)),
  }));
}

/** Show a session: load it the first time, and go on with what runs in it. */
export async function openConversation(sessionId: string) {
  const known = useConversations.getState().byId[sessionId];
  if (known && !known.problem) return;
  update(sessionId, () => ({ loading: true, problem: null }));
  try {
    const session = await getSession(sessionId);
    const turns = session.messages.map(finishedTurn);
    const { constraints, preferences } = session;
    update(sessionId, () => ({ loading: false, turns, constraints, preferences }));
    for (const { item_id, event } of session.feedback) noteOpinion(sessionId, item_id, event);
    if (session.pending) await goOn(sessionId, session.pending);
  } catch (error) {
    update(sessionId, () => ({ loading: false, problem: asProblem(error) }));
  }
}

export function forgetConversation(sessionId: string) {
  useConversations.setState(({ byId: { [sessionId]: _, ...rest } }) => ({ byId: rest }));
}

export function forgetAll() {
  useConversations.setState({ byId: {} });
}

/** Begin a session for a first message. */
export async function beginConversation(): Promise<string> {
  const { session_id } = await createSession();
  update(session_id, () => ({}));
  return session_id;
}

export async function say(sessionId: string, draft: Draft) {
  const messageId = newMessageId();
  drafts.set(messageId, draft);
  update(sessionId, ({ turns }) => ({ turns: [...turns, newTurn(messageId, draft, Date.now())] }));
  await stops.get(sessionId);
  await follow(sessionId, messageId, (signal) => sendMessage(sessionId, messageId, draft, { signal }));
}

/** Send a message that failed or was stopped once more, in its old place. */
export async function sayAgain(sessionId: string, messageId: string) {
  const draft = drafts.get(messageId);
  if (!draft) return;
  forgetTurn(sessionId, messageId);
  await say(sessionId, draft);
}

/** Take a message that failed or was stopped out of the page; the service does not keep it. */
export function forgetTurn(sessionId: string, messageId: string) {
  update(sessionId, ({ turns }) => ({ turns: turns.filter((turn) => turn.messageId !== messageId) }));
}

/** What was sent, of a message of this visit. */
export const draftOf = (messageId: string): Draft | undefined => drafts.get(messageId);

export async function stop(sessionId: string, messageId: string) {
  updateTurn(sessionId, messageId, stopTurn);
  const stopped = stopMessage(sessionId, messageId).catch(() => {}); // it may have ended by itself meanwhile
  stops.set(sessionId, stopped);
  await stopped;
  stops.delete(sessionId);
  aborts.get(messageId)?.abort();
}

async function goOn(sessionId: string, pending: PendingMessage) {
  const messageId = pending.message_id;
  update(sessionId, ({ turns }) => ({ turns: [...turns, pendingTurn(pending, Date.now())] }));
  await follow(sessionId, messageId, (signal) => resumeMessage(sessionId, messageId, { signal }));
}

async function follow(sessionId: string, messageId: string, open: (signal: AbortSignal) => AsyncGenerator<TurnEvent>) {
  const abort = new AbortController();
  aborts.set(messageId, abort);
  try {
    for await (const event of open(abort.signal)) {
      updateTurn(sessionId, messageId, (turn) => (turn.status === "stopped" ? turn : applyEvent(turn, event)));
      if (event.type === "done") await refreshConditions(sessionId);
    }
  } catch (error) {
    updateTurn(sessionId, messageId, (turn) =>
      turn.status === "running" ? { ...stopTurn(turn), status: "failed", problem: asProblem(error) } : turn,
    );
  } finally {
    aborts.delete(messageId);
  }
}

/** What the session holds, as it can be taken back; the reply spells the constraints out for the search. */
async function refreshConditions(sessionId: string) {
  try {
    const { constraints, preferences } = await getSession(sessionId);
    update(sessionId, () => ({ constraints, preferences }));
  } catch {
    // The chips stay as they were; the next answer brings them up to date.
  }
}

/** 32 hexadecimal digits; crypto.randomUUID is missing where the page is not served over https. */
function newMessageId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
