// A stand-in for the service, for work on the page alone: scripted answers over the sample catalogue, no model.
// Development only; nothing of this folder is shipped.
//
//     npm run build && npm run mock        # http://127.0.0.1:8090
//
// Words in a message choose what happens: "slow", "drop" (the connection breaks), "fail", "relax", "busy", "none".
// AUTH=key asks for a key (any but "wrong"); DELAY=0.1 makes everything ten times as fast.

import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "../dist");
const SAMPLE = join(HERE, "../../../.assistant/sample");
const PORT = Number(process.env.PORT ?? 8090);
const DELAY = Number(process.env.DELAY ?? 1);
const POLICY =
  "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; script-src 'self'; " +
  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".jpg": "image/jpeg",
};

const items = existsSync(join(SAMPLE, "products.jsonl"))
  ? readFileSync(join(SAMPLE, "products.jsonl"), "utf8").trim().split("\n").map(JSON.parse).map(itemOf)
  : Array.from({ length: 30 }, (_, n) =>
      itemOf({ id: `item-${n}`, title: `Item ${n}`, price: n + 0.99, currency: "EUR" }),
    );
const sessions = new Map();
const turns = new Map();
let user = process.env.AUTH === "key" ? null : "local";

function itemOf({
  id,
  title,
  description = "",
  price = null,
  currency = null,
  category = null,
  brand = null,
  ...rest
}) {
  const { images = [], in_stock = null, price_max, variants, ...attributes } = rest;
  return { id, title, description, price, currency, category, brand, url: null, images, in_stock, attributes };
}

const detailOf = (item) => ({
  item,
  pictures: item.images.map((name, n) => ({
    name,
    state: "ready",
    url: `/api/catalogue/items/${item.id}/images/${n}`,
    reason: null,
  })),
  vectors: [{ space: "text", count: 1, encoder: { encoder: "scripted" } }],
});

const hitOf = ({ id, title, price, currency, category, brand, in_stock }) => ({
  item_id: id,
  title,
  price,
  currency,
  category,
  brand,
  in_stock,
  score: 0.5,
  signals: [],
});

// Conversations -------------------------------------------------------------------------------------------------------

function found(text) {
  const words = text.toLowerCase().match(/[a-z]{3,}/g) ?? [];
  const score = (item) => words.filter((word) => JSON.stringify(item).toLowerCase().includes(word)).length;
  return [...items].sort((one, other) => score(other) - score(one)).slice(0, 3);
}

function attachmentsOf(session, form) {
  const note = (file, kind) => {
    const id = `${{ picture: "img", audio: "aud", video: "vid" }[kind]}${session.files.size + 1}`;
    session.files.set(id, file);
    return { id, kind, name: file.name, url: `/api/sessions/${session.session_id}/attachments/${id}` };
  };
  return [
    ...form.getAll("images").map((file) => note(file, "picture")),
    ...form.getAll("audio").map((file) => note(file, "audio")),
    ...form.getAll("video").map((file) => note(file, "video")),
  ];
}

function replyTo(session, text, attachments) {
  const isCompare = /compare|比较/i.test(text);
  const isChat = /^(hi|hello|thanks|你好)/i.test(text);
  const picked = /none/.test(text) || isChat ? [] : isCompare ? found("shoe").slice(0, 2) : found(text);
  const pictures = attachments.filter(({ kind }) => kind === "picture");
  const recordings = attachments.filter(({ kind }) => kind === "audio");
  const hasPicture = session.messages.some((message) => message.attachments.some(({ kind }) => kind === "picture"));
  return {
    session_id: session.session_id,
    query: {
      text,
      attachments: attachments.map(({ id, kind, name }) => ({ id, kind, name })),
      transcripts: recordings.map(({ id }) => ({
        attachment: id,
        text: "And please, nothing over $100, black shoes if you have them.",
        language: "en",
        confidence: 0.93,
      })),
      pictures: pictures.map(({ id }) => ({
        attachment: id,
        labels: [
          { label: "running shoe", score: 0.81 },
          { label: "sandal", score: 0.06 },
          { label: "shoe store", score: 0.02 },
        ],
      })),
    },
    intent: isChat ? "chat" : isCompare ? "compare" : "recommend",
    language: /[一-鿿]/.test(text) ? "zh" : "en",
    constraints: Object.fromEntries(session.constraints.map(({ field, value }) => [field, value])),
    preferences: session.preferences,
    relaxed: /relax/.test(text) ? [{ field: "max_price", wanted: 20, used: 44.95, words: "under 20 dollars" }] : [],
    recommendations: picked.map((item, index) => recommendation(item, index, text, pictures.length > 0 || hasPicture)),
    further: found("")
      .slice(0, 3)
      .map(({ id }) => id),
    changes: changesOf(picked),
    question: /gift/.test(text) ? "What do they like?" : null,
    choices: /gift/.test(text) ? ["Sports", "Plants"] : [],
    steps: [],
    message: isChat
      ? "Happy to help: tell me what you are looking for."
      : `Here are ${picked.length} that fit best: black, at most 100.`,
    degraded: /relax/.test(text) ? ["The language model did not answer in time, so this is the fused ranking."] : [],
    internal: [],
    models: { llm: "scripted" },
    timings: { total: 15.03, llm: 12.5, tools: 5.8, other: 0.17 },
    usage: { llm_calls: 5, prompt_tokens: 1881, completion_tokens: 177, cached_tokens: 0 },
  };
}

/** The first cards stand in the opposite order. */
function changesOf(picked) {
  return picked.flatMap(({ id, title }, index) => {
    const [before, rank] = [picked.length - index, index + 1];
    if (before === rank) return [];
    const [way, what] = rank < before ? ["up", "it before others"] : ["down", "others before it"];
    const reason = `Moved ${way}: the language model ranked ${what}`;
    return [{ item_id: id, title, before, rank, cause: "ranking", reason }];
  });
}

function recommendation(item, index, text, hasPicture) {
  const words = text.match(/[a-z]{4,}/gi)?.filter((word) => JSON.stringify(item).includes(word)) ?? [];
  const entry = (source, detail, score = null) => ({ source, detail, sentence: detail, score });
  const evidence = [
    ...(hasPicture ? [entry("picture", "it looks like your photo (similarity 0.70)", 0.7)] : []),
    entry("keyword", `its text mentions ${words.join(", ") || "shoes"}`, 4.2),
    entry("attribute", `category: ${item.category}`),
    entry("attribute", `its description says “${item.description.slice(0, 120)} …”`),
    entry("price", `it costs ${item.price} ${item.currency}, within your limit`),
    entry("dense", "its text is close in meaning to your words (similarity 0.46)", 0.46),
  ];
  return {
    rank: index + 1,
    item_id: item.id,
    title: item.title,
    price: item.price,
    currency: item.currency,
    score: 0.5 - index / 10,
    explanation: `This is ${item.title}: it costs ${item.price} ${item.currency}, within your limit, and its text mentions what you asked for.`,
    explained_by: index === 1 ? "template" : "model",
    evidence: evidence.map((fact, n) => ({ id: `e${index * 10 + n + 1}`, ...fact })),
  };
}

async function play(turn, session, text, attachments) {
  const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000 * DELAY));
  const step = async (name, seconds, args = {}, summary = "") => {
    tell(turn, "step_started", { step: name, arguments: args, origin: "planned" });
    await wait(seconds);
    tell(turn, "step_finished", { step: name, ok: true, seconds, summary });
  };
  tell(turn, "accepted", { message_id: turn.id, session_id: session.session_id, attachments });
  const reply = replyTo(session, text, attachments);
  for (const { kind, id } of attachments) {
    if (kind === "picture") await step("describe_image", 0.4, { image: id }, "running shoe 0.81");
    else await step("transcribe_audio", 1.2, { audio: id }, "“nothing over $100”");
  }
  if (/fail/.test(text)) {
    const problem = {
      title: "Missing",
      status: 503,
      detail: "The language model is not running; start it: assistant llm up.",
    };
    return tell(turn, "error", { problem });
  }
  await Promise.all([
    step("plan", /slow/.test(text) ? 25 : 1.5),
    step("search_by_text", 0.8, { query: text.slice(0, 40) }),
    ...(attachments.some(({ kind }) => kind === "picture") ? [step("search_by_image", 1.1, { image: "img1" })] : []),
  ]);
  const hits = reply.recommendations.map(({ item_id }) => hitOf(items.find(({ id }) => id === item_id)));
  if (hits.length && reply.intent === "recommend") {
    tell(turn, "provisional", { items: [...hits].reverse() });
    if (/drop/.test(text)) for (const response of turn.listeners) response.destroy();
    await step("rank", 2.5);
    tell(turn, "ranking", { items: hits, changes: reply.changes });
    if (reply.question) tell(turn, "question", { text: reply.question, choices: reply.choices });
    tell(turn, "step_started", { step: "explain", arguments: {}, origin: "model" });
    for (const { item_id, rank, explanation, explained_by } of reply.recommendations) {
      await wait(0.7);
      tell(turn, "explanation", { item_id, rank, text: explanation, explained_by });
    }
    tell(turn, "step_finished", { step: "explain", ok: true, seconds: 2.1, summary: "" });
  }
  if (turn.stopped) return;
  session.messages.push({
    turn: session.messages.length + 1,
    message_id: turn.id,
    said: text,
    attachments,
    at: Date.now() / 1000,
    reply,
  });
  session.title ||= text.slice(0, 60) || attachments[0]?.name || "";
  session.running = session.pending = null;
  tell(turn, "done", { reply });
}

function tell(turn, type, data) {
  if (turn.stopped) return;
  turn.events.push(
    `id: ${turn.id}:${turn.events.length + 1}\nevent: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`,
  );
  for (const response of turn.listeners) response.write(turn.events.at(-1));
  if (type === "done" || type === "error") end(turn);
}

function end(turn) {
  turn.isOver = true;
  turn.session.running = turn.session.pending = null;
  for (const response of turn.listeners) response.end();
}

function follow(response, turn, after = 0) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  for (const event of turn.events.slice(after)) response.write(event);
  if (turn.isOver) return response.end();
  turn.listeners.add(response);
  response.on("close", () => turn.listeners.delete(response));
}

async function takeMessage(request, response, session) {
  const form = await new Response(await bodyOf(request), {
    headers: { "Content-Type": request.headers["content-type"] },
  }).formData();
  const text = String(form.get("text") ?? "");
  if (session.running || /busy/.test(text)) return refuse(response, 409, "A turn is running in this session.");
  const dropped = JSON.parse(String(form.get("drop_constraints") ?? "[]"));
  session.constraints = session.constraints.filter(
    ({ field, value }) => !dropped.some((one) => one.field === field && one.value === value),
  );
  session.preferences = session.preferences.filter(
    ({ field, value }) => !dropped.some((one) => one.field === field && one.value === value),
  );
  if (!dropped.length && !session.constraints.length) {
    session.preferences = [{ field: "brands", value: "Nike", source: "text", words: "maybe Nike" }];
    session.constraints = [
      { field: "include_terms", value: "black", source: "text", words: "black" },
      { field: "max_price", value: 100, source: "aud1", words: "nothing over $100" },
    ];
  }
  const turn = { id: String(form.get("message_id")), session, events: [], listeners: new Set(), isOver: false };
  const attachments = attachmentsOf(session, form);
  turns.set(turn.id, turn);
  session.running = turn.id;
  session.pending = { message_id: turn.id, said: text, attachments, began: Date.now() };
  follow(response, turn);
  void play(turn, session, text, attachments);
}

// Plumbing ------------------------------------------------------------------------------------------------------------

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function answer(response, body, status = 200) {
  response.writeHead(status, { "Content-Type": status < 400 ? "application/json" : "application/problem+json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

const refuse = (response, status, detail) =>
  answer(response, { type: "about:blank", title: detail, status, detail }, status);

function file(response, path, type) {
  if (!existsSync(path) || !statSync(path).isFile()) return refuse(response, 404, "There is nothing of that name.");
  response.writeHead(200, {
    "Content-Type": type ?? TYPES[extname(path)] ?? "application/octet-stream",
    "Content-Security-Policy": POLICY,
  });
  createReadStream(path).pipe(response);
}

const profile = {
  events: 7,
  price: [40, 100],
  preferences: [
    { attribute: "category", value: "Footwear", weight: 0.8 },
    { attribute: "color", value: "black", weight: 0.3 },
    { attribute: "brand", value: "Nike", weight: -1 },
  ],
  corrected: [{ attribute: "brand", value: "Nike", weight: -1 }],
  liked: items.slice(0, 4).map(({ id, title }) => ({ item_id: id, title })),
  disliked: [],
};

const ROUTES = [
  ["GET", /^\/api\/me\/profile$/, (_, response) => answer(response, profile)],
  [
    "PUT",
    /^\/api\/me\/profile$/,
    async (request, response) => {
      const given = JSON.parse(await bodyOf(request));
      const others = profile.preferences.filter((one) => one.value !== given.value);
      profile.preferences = [...others, given];
      profile.corrected = [...profile.corrected.filter((one) => one.value !== given.value), given];
      answer(response, undefined, 204);
    },
  ],
  [
    "DELETE",
    /^\/api\/me\/profile/,
    (request, response) => {
      const value = new URL(request.url, "http://x").searchParams.get("value");
      profile.preferences = profile.preferences.filter((one) => one.value !== value);
      profile.corrected = profile.corrected.filter((one) => one.value !== value);
      answer(response, undefined, 204);
    },
  ],
  [
    "DELETE",
    /^\/api\/me$/,
    (_, response) => {
      sessions.clear();
      profile.preferences = profile.corrected = profile.liked = [];
      profile.price = null;
      answer(response, undefined, 204);
    },
  ],
  [
    "GET",
    /^\/api\/info$/,
    (_, response) =>
      answer(response, {
        version: "0.0",
        auth: process.env.AUTH === "key" ? "key" : "none",
        user,
        role: user || process.env.AUTH !== "key" ? "admin" : "nobody",
        visitors: false,
        models: { llm: "scripted" },
        items: items.length,
        languages: ["en", "zh"],
        cart_link: "https://shop.example/cart?add={id}",
        limits: {
          message_characters: 2000,
          attachments: 6,
          image_bytes: 10485760,
          audio_bytes: 10485760,
          audio_seconds: 120,
          video_bytes: 10485760,
          video_seconds: 120,
          video_frames: 16,
        },
      }),
  ],
  [
    "POST",
    /^\/api\/login$/,
    async (request, response) => {
      if (JSON.parse(await bodyOf(request)).key === "wrong") return refuse(response, 401, "The key is not valid.");
      user = "someone";
      answer(response, undefined, 204);
    },
  ],
  [
    "DELETE",
    /^\/api\/login$/,
    (_, response) => {
      user = null;
      answer(response, undefined, 204);
    },
  ],
  [
    "POST",
    /^\/api\/sessions$/,
    (_, response) => {
      const session = {
        session_id: Math.random().toString(16).slice(2, 14),
        title: "",
        created_at: Date.now() / 1000,
        messages: [],
        constraints: [],
        preferences: [],
        running: null,
        pending: null,
        files: new Map(),
      };
      sessions.set(session.session_id, session);
      answer(response, shown(session), 201);
    },
  ],
  [
    "GET",
    /^\/api\/sessions$/,
    (_, response) => answer(response, { sessions: [...sessions.values()].reverse().map(shown) }),
  ],
  [
    "GET",
    /^\/api\/sessions\/([^/]+)$/,
    (_, response, [id]) =>
      withSession(response, id, (session) =>
        answer(response, {
          ...shown(session),
          messages: session.messages,
          constraints: session.constraints,
          preferences: session.preferences,
          feedback: [],
          running: session.running,
          pending: session.pending && { ...session.pending, seconds: (Date.now() - session.pending.began) / 1000 },
        }),
      ),
  ],
  [
    "PATCH",
    /^\/api\/sessions\/([^/]+)$/,
    (request, response, [id]) =>
      withSession(response, id, async (session) => {
        session.title = JSON.parse(await bodyOf(request)).title;
        answer(response, shown(session));
      }),
  ],
  [
    "DELETE",
    /^\/api\/sessions\/([^/]+)$/,
    (_, response, [id]) => {
      sessions.delete(id);
      answer(response, undefined, 204);
    },
  ],
  [
    "POST",
    /^\/api\/sessions\/([^/]+)\/messages$/,
    (request, response, [id]) => withSession(response, id, (session) => takeMessage(request, response, session)),
  ],
  ["POST", /^\/api\/sessions\/([^/]+)\/feedback$/, (_, response) => answer(response, undefined, 204)],
  [
    "GET",
    /^\/api\/sessions\/[^/]+\/messages\/([^/]+)\/events$/,
    (request, response, [id]) => {
      const turn = turns.get(id);
      if (!turn) return refuse(response, 404, "There is no such message.");
      follow(response, turn, Number(String(request.headers["last-event-id"] ?? "").split(":")[1] ?? 0));
    },
  ],
  [
    "DELETE",
    /^\/api\/sessions\/[^/]+\/messages\/([^/]+)$/,
    (_, response, [id]) => {
      const turn = turns.get(id);
      if (turn) {
        turn.stopped = true;
        end(turn);
      }
      answer(response, undefined, 204);
    },
  ],
  [
    "GET",
    /^\/api\/sessions\/([^/]+)\/attachments\/([^/]+)$/,
    (_, response, [id, name]) =>
      withSession(response, id, async (session) => {
        const held = session.files.get(name);
        response.writeHead(200, { "Content-Type": held.type });
        response.end(Buffer.from(await held.arrayBuffer()));
      }),
  ],
  [
    "GET",
    /^\/api\/catalogue\/stats$/,
    (_, response) =>
      answer(response, {
        items: items.length,
        pictures: items.length,
        categories: counts("category"),
        brands: counts("brand"),
        currencies: ["USD"],
        min_price: 1,
        max_price: 2000,
      }),
  ],
  [
    "GET",
    /^\/api\/catalogue\/items$/,
    (request, response) => {
      const { searchParams: given } = new URL(request.url, "http://x");
      const fits = items.filter(
        (item) =>
          JSON.stringify(item)
            .toLowerCase()
            .includes((given.get("query") ?? "").toLowerCase()) &&
          (!given.get("category") || item.category?.includes(given.get("category"))) &&
          (!given.get("brand") || item.brand === given.get("brand")) &&
          (!given.get("max_price") || item.price <= Number(given.get("max_price"))) &&
          (!given.get("min_price") || item.price >= Number(given.get("min_price"))),
      );
      const offset = Number(given.get("offset") ?? 0);
      answer(response, {
        items: fits.slice(offset, offset + Number(given.get("limit") ?? 24)).map(hitOf),
        total: fits.length,
      });
    },
  ],
  [
    "GET",
    /^\/api\/catalogue\/items\/([^/]+)$/,
    (_, response, [id]) => withItem(response, id, (item) => answer(response, detailOf(item))),
  ],
  [
    "GET",
    /^\/api\/catalogue\/items\/([^/]+)\/images\/(\d+)$/,
    (_, response, [id, n]) =>
      withItem(response, id, (item) => file(response, join(SAMPLE, item.images[Number(n)] ?? "missing"))),
  ],
  [
    "GET",
    /^\/api\/catalogue\/items\/([^/]+)\/neighbours$/,
    (_, response, [id]) =>
      withItem(response, id, (item) =>
        answer(response, {
          items: items
            .filter((other) => other !== item && other.category === item.category)
            .slice(0, 6)
            .map(hitOf),
        }),
      ),
  ],
  [
    "GET",
    /^\/api\/catalogue\/map$/,
    (_, response) => {
      const names = Object.keys(counts("category"));
      const points = items.map(({ id, title, category }, n) => ({
        item_id: id,
        title,
        category,
        x: Math.cos(names.indexOf(category)) + Math.sin(n * 12.9) / 4,
        y: Math.sin(names.indexOf(category)) + Math.cos(n * 78.2) / 4,
      }));
      answer(response, { points, total: points.length, sampled: false });
    },
  ],
];

const shown = ({ session_id, title, created_at, messages }) => ({
  session_id,
  title,
  created_at,
  updated_at: created_at,
  turns: messages.length,
});
function counts(field) {
  const found = {};
  for (const { [field]: name } of items) if (name) found[name] = (found[name] ?? 0) + 1;
  return found;
}
const withSession = (response, id, then) =>
  sessions.has(id) ? then(sessions.get(id)) : refuse(response, 404, "There is no such session.");
const withItem = (response, id, then) => {
  const item = items.find((one) => one.id === decodeURIComponent(id));
  return item ? then(item) : refuse(response, 404, "There is no such item.");
};

createServer((request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  for (const [method, pattern, handle] of ROUTES) {
    const match = request.method === method && pattern.exec(path);
    if (match) return handle(request, response, match.slice(1));
  }
  if (path.startsWith("/api/")) return refuse(response, 404, "There is no such path.");
  file(response, join(DIST, path === "/" ? "index.html" : normalize(path)));
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
