import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { Router } from "wouter";
import type { Change, Hit, Reply, TurnEvent } from "../api/types";
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
    <Router ssrPath="/">
      <TurnView
        sessionId="s"
        turn={turn}
        given={{ text: "a chair", transcripts: [], pictures: [], numbers: [] }}
        isLast
        isLastRanking={false}
        onSay={() => {}}
      />
    </Router>,
  );

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

  test("says on the card why it moved, and below the cards what is gone", () => {
    const change: Change = { item_id: "oak", title: "Oak", before: 2, rank: 1, cause: "ranking", reason: "Moved up" };
    const gone: Change = { ...change, item_id: "sofa", title: "Sofa", before: 1, rank: null, reason: "Gone" };
    const html = shown(running({ type: "ranking", items: [hit("oak")], changes: [change, gone] }));
    expect(html).toMatch(/Title of oak.*Moved up.*Sofa: Gone/s);
  });
});

describe("a turn that has ended", () => {
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
