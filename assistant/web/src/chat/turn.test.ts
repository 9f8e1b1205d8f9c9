import { describe, expect, test } from "vitest";
import type { Change, Hit, Reply, TurnEvent } from "../api/types";
import { applyEvent, finishedTurn, pendingTurn, runningTurn, sections, stepNow, stopTurn } from "./turn";

const hit = (item_id: string): Hit => ({
  item_id,
  title: item_id.toUpperCase(),
  price: 10,
  currency: "USD",
  score: 1,
  signals: [],
});
const started = (step: string, query?: string): TurnEvent => ({
  type: "step_started",
  step,
  arguments: query ? { query } : {},
  origin: "planned",
});
const finished = (step: string, ok = true): TurnEvent => ({
  type: "step_finished",
  step,
  ok,
  seconds: 1.5,
  summary: "",
});

const reply: Reply = {
  session_id: "s",
  query: { text: "shoes", attachments: [], transcripts: [], pictures: [], videos: [] },
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
  recommendations: ["b", "a"].map((item_id, index) => ({
    rank: 2 - index,
    item_id,
    title: item_id,
    price: 1,
    currency: "USD",
    score: 1,
    explanation: `because of ${item_id}`,
    explained_by: "model",
    evidence: [],
  })),
  steps: [
    { tool: "search_by_text", arguments: { query: "shoes" }, origin: "planned", ok: false, error: "slow", seconds: 2 },
  ],
  message: "Here are 2.",
  degraded: [],
  models: {},
  timings: { total: 1, llm: 0, tools: 0, other: 0 },
  usage: { llm_calls: 0, prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 },
};

const run = (...events: TurnEvent[]) => events.reduce(applyEvent, runningTurn("m", 0));

describe("steps", () => {
  test("of one name end in the order in which they began", () => {
    const turn = run(started("search_by_text", "a"), started("search_by_text", "b"), finished("search_by_text"));
    expect(turn.steps.map(({ query, state }) => [query, state])).toEqual([
      ["a", "ok"],
      ["b", "running"],
    ]);
  });

  test("have one that is being done now: that which began last of those under way", () => {
    const turn = run(started("search_by_text", "a"), started("search_by_image"), finished("search_by_image"));
    expect(stepNow(turn)).toMatchObject({ step: "search_by_text", query: "a" });
    expect(stepNow(applyEvent(turn, finished("search_by_text")))).toBeUndefined();
  });

  test("that end without having begun are shown all the same", () => {
    expect(run(finished("rank", false)).steps).toMatchObject([{ step: "rank", state: "failed" }]);
  });

  test("do not run on when the turn is stopped", () => {
    expect(stopTurn(run(started("plan")))).toMatchObject({ status: "stopped", steps: [{ state: "failed" }] });
  });
});

describe("cards", () => {
  test("settle from the provisional order into the final one and keep their explanations", () => {
    const turn = run(
      { type: "provisional", items: [hit("a"), hit("b"), hit("c")] },
      { type: "explanation", item_id: "b", rank: 1, text: "fits", explained_by: "model" },
      { type: "ranking", items: [hit("b"), hit("d"), hit("a")] },
    );
    expect(turn.settled).toBe(true);
    expect(turn.cards.map(({ item_id, explanation }) => [item_id, explanation])).toEqual([
      ["b", "fits"],
      ["d", ""],
      ["a", ""],
    ]);
  });

  test("stand under their wishes from the first finds on, one that fits two wishes under both", () => {
    const group = (wish: string, ...item_ids: string[]) => ({ wish, item_ids, constraints: {}, message: null });
    const groups = [group("a chair", "a"), group("a harp"), group("a lamp", "b", "a")];
    const turn = run({ type: "provisional", items: [hit("a"), hit("b")], groups });
    const shown = (of: typeof turn) => sections(of).map(({ cards }) => cards.map(({ item_id }) => item_id));
    expect(shown(turn)).toEqual([["a"], [], ["b", "a"]]);
    expect(shown(applyEvent(turn, { type: "done", reply: { ...reply, groups } }))).toEqual([["a"], [], ["b", "a"]]);
    expect(shown(applyEvent(turn, { type: "done", reply }))).toEqual([["a", "b"]]);
  });

  test("say why they moved, came or went, as soon as they do and when the turn is done", () => {
    const change = (item_id: string, before: number | null, rank: number | null): Change => ({
      item_id,
      title: item_id,
      before,
      rank,
      cause: "ranking",
      reason: `${item_id} moved`,
    });
    const changes = [change("b", 2, 1), change("d", null, 2), change("a", 1, null)];
    const first = run({ type: "provisional", items: [hit("a"), hit("b")] });
    expect(first.changes).toEqual([]);
    const ranked = applyEvent(first, { type: "ranking", items: [hit("b"), hit("d")], changes });
    expect(ranked.changes).toEqual(changes);
    expect(applyEvent(ranked, { type: "done", reply: { ...reply, changes } }).changes).toEqual(changes);
    expect(applyEvent(ranked, { type: "done", reply }).changes).toEqual([]);
  });

  test("are those of the reply, by rank, when the turn is done", () => {
    const turn = run({ type: "provisional", items: [hit("c")] }, { type: "done", reply });
    expect(turn.status).toBe("done");
    expect(turn.cards.map(({ item_id }) => item_id)).toEqual(["a", "b"]);
  });
});

test("attachments take the service's ids and keep the address they are shown from", () => {
  const turn = {
    ...runningTurn("m", 0),
    attachments: [
      { id: "", kind: "picture" as const, name: "a.jpg", url: "blob:a" },
      { id: "", kind: "audio" as const, name: "b.webm", url: "blob:b" },
    ],
  };
  const taken = [
    { id: "aud1", kind: "audio" as const, name: "b.webm", url: "/b" },
    { id: "img1", kind: "picture" as const, name: "a.jpg", url: "/a" },
  ];
  const { attachments } = applyEvent(turn, { type: "accepted", message_id: "m", session_id: "s", attachments: taken });
  expect(attachments.map(({ id, url }) => [id, url])).toEqual([
    ["aud1", "blob:b"],
    ["img1", "blob:a"],
  ]);
});

test("a turn that an earlier visit began shows at once what was said, and since when", () => {
  const attachments = [{ id: "img1", kind: "picture" as const, name: "a.jpg", url: "/a" }];
  const turn = pendingTurn({ message_id: "m", said: "like this", attachments, seconds: 1.5 }, 10_000);
  expect(turn).toMatchObject({ status: "running", said: "like this", attachments, startedAt: 8_500 });
});

test("what is asked back is shown at once, and is that of the reply in the end", () => {
  const asked = { text: "For whom?", choices: ["For me", "A gift"] };
  const turn = run(started("plan"), { type: "question", ...asked });
  expect(turn).toMatchObject({ status: "running", question: asked });
  const whole = { ...reply, question: asked.text, choices: asked.choices };
  expect(applyEvent(turn, { type: "done", reply: whole }).question).toEqual(asked);
  expect(applyEvent(turn, { type: "done", reply }).question).toBeNull();
});

test("a failed turn says why", () => {
  const problem = { status: 503, title: "missing", detail: "No model." };
  expect(run(started("plan"), { type: "error", problem })).toMatchObject({ status: "failed", problem });
});

test("events of a newer service change nothing", () => {
  const turn = run(started("plan"));
  expect(applyEvent(turn, { type: "confetti" } as unknown as TurnEvent)).toBe(turn);
});

test("a turn of an earlier visit shows its steps", () => {
  const turn = finishedTurn({ turn: 1, message_id: "turn-1", said: "shoes", attachments: [], at: 5, reply });
  expect(turn.steps).toEqual([
    { step: "search_by_text", query: "shoes", state: "failed", seconds: 2, summary: "slow" },
  ]);
});
