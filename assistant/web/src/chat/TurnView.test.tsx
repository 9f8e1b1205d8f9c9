import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Router } from "wouter";
import type { Change, Hit, Reply, TurnEvent } from "../api/types";
import { choose } from "../app/choices";
import { TurnView } from "./TurnView";
import { applyEvent, runningTurn, stopTurn, type Turn } from "./turn";

const hit = (item_id: string): Hit => ({
  item_id,
  title: `Title of ${item_id}`,
  price: 10,
  currency: "USD",
  score: 1,
  signals: [],
});
const began = (step: string, query?: string): TurnEvent => ({
  type: "step_started",
  step,
  arguments: query ? { query } : {},
  origin: "anticipated",
});
const ended = (step: string): TurnEvent => ({ type: "step_finished", step, ok: true, seconds: 1, summary: "" });

const reply: Reply = {
  session_id: "s",
  query: { text: "a chair", attachments: [], transcripts: [], pictures: [], videos: [] },
  intent: "recommend",
  language: "en",
  constraints: {},
  preferences: [],
  relaxed: [],
  further: [],
  internal: [],
  changes: [],
  groups: [],
  choices: [],
  evidence: [],
  recommendations: [],
  steps: [],
  message: "Here is one.",
  degraded: [],
  models: {},
  timings: { total: 3.2, llm: 0, tools: 0, other: 0 },
  usage: { llm_calls: 0, prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 },
};

const running = (...events: TurnEvent[]) => events.reduce(applyEvent, runningTurn("m", Date.now()));
const shown = (turn: Turn) =>
  renderToStaticMarkup(
    <QueryClientProvider client={new QueryClient()}>
      <Router ssrPath="/">
        <TurnView
          sessionId="s"
          turn={turn}
          given={{ text: "a chair", transcripts: [], pictures: [], numbers: [] }}
          isLast
          isLastRanking={false}
          onSay={() => {}}
          onEdit={() => {}}
        />
      </Router>
    </QueryClientProvider>,
  );

afterEach(() => choose("developer", false));

describe("a running turn", () => {
  test("shows one line of what is being done now, and no list of steps", () => {
    const html = shown(running(began("search_by_text", "chair"), ended("search_by_text"), began("plan")));
    expect(html).toContain("Considering the finds");
    expect(html).not.toContain("Searching by words");
    expect(html).not.toContain("How this was made");
  });

  test("shows a question as soon as it is asked; it can be answered when the turn has ended", () => {
    const asked = { type: "question" as const, text: "For whom?", choices: ["For me"] };
    const turn = running(began("plan"), asked);
    expect(shown(turn)).toMatch(/For whom\?.*<button[^>]*disabled[^>]*>For me/s);
    const done = applyEvent(turn, { type: "done", reply: { ...reply, question: "For whom?", choices: ["For me"] } });
    expect(shown(done)).toMatch(/<button(?![^>]*disabled)[^>]*>For me/);
  });

  test("says on the card why a condition moved it, and below the cards what is gone", () => {
    const change: Change = { item_id: "oak", title: "Oak", before: 2, rank: 1, cause: "condition", reason: "Moved up" };
    const gone: Change = { ...change, item_id: "sofa", title: "Sofa", before: 1, rank: null, reason: "Gone" };
    const html = shown(running({ type: "ranking", items: [hit("oak")], changes: [change, gone] }));
    expect(html).toMatch(/Title of oak.*Moved up.*Sofa: Gone/s);
  });
});

describe("a customer", () => {
  const technical = "The language model is not available.";
  const heard = "No speech was heard in aud1.";
  const moved: Change = {
    item_id: "oak",
    title: "Oak",
    before: 2,
    rank: 1,
    cause: "ranking",
    reason: "Model moved it",
  };
  const events: TurnEvent[] = [
    began("search_by_text", "chair"),
    ended("search_by_text"),
    { type: "provisional", items: [hit("oak")] },
  ];
  const done: TurnEvent = {
    type: "done",
    reply: {
      ...reply,
      recommendations: [
        { ...hit("oak"), price: 10, rank: 1, explanation: "It fits.", explained_by: "template", evidence: [] },
      ],
      changes: [moved],
      degraded: [technical, heard],
      internal: [technical],
      usage: { llm_calls: 3, prompt_tokens: 812, completion_tokens: 9, cached_tokens: 0 },
    },
  };
  const machinery = [technical, "Model moved it", "How this was made", "Written from the evidence", "821"];

  test("sees no steps, times, tokens, nor what a model did", () => {
    const html = shown(running(...events, done));
    for (const part of machinery) expect(html).not.toContain(part);
    expect(html).toContain(heard);
    expect(shown(running(began("search_by_text", "chair")))).not.toMatch(/“chair”|\d s</);
  });

  test("sees them as a developer", () => {
    choose("developer", true);
    const html = shown(running(...events, done));
    for (const part of machinery.slice(0, 4)) expect(html).toContain(part);
    expect(shown(running(began("search_by_text", "chair")))).toMatch(/“chair”/);
  });
});

describe("a turn that has ended, as developers see it", () => {
  beforeEach(() => choose("developer", true));

  test("folds its steps into one line that can be opened", () => {
    const html = shown(running(began("plan"), ended("plan"), { type: "done", reply }));
    expect(html).toMatch(/<button[^>]*aria-expanded="false"[^>]*>.*How this was made · one step · 3.2 s/s);
    expect(html).not.toContain("Working on it");
  });

  test("so does one that was stopped", () => {
    expect(shown(stopTurn(running(began("plan"))))).toContain("How this was made · one step");
    expect(shown(stopTurn(running()))).not.toContain("How this was made");
  });
});
