/**
 * The assistant on any page of a shop:
 *
 *     <script src="https://assistant.example/widget.js" data-title="Ask us"></script>
 *
 * A bubble, or with data-mode="box" a box where the script stands or in data-target. The assistant's own page is loaded
 * in a frame when the bubble is first opened. The host page's styles and scripts are left alone: everything is in a
 * shadow root, and window.RecommendationAssistant has open and close.
 */

import sheet from "./widget.css?inline";

const script = document.currentScript as HTMLScriptElement | null;

/** data-… of the script tag. */
interface Options {
  mode?: "bubble" | "box";
  target?: string;
  title?: string;
  position?: "right" | "left";
  color?: string;
  theme?: "light" | "dark";
  lang?: string;
  height?: string;
}

const CLOSE: Record<string, string> = { de: "Schließen", en: "Close", es: "Cerrar", fr: "Fermer", zh: "关闭" };
const TITLE: Record<string, string> = {
  de: "Beratung",
  en: "Shopping assistant",
  es: "Asistente",
  fr: "Assistant",
  zh: "购物助手",
};
/** What the page in the frame says when Escape is pressed in it. */
const ESCAPE = "recommendation-assistant:escape";
const COLOR = /^#[0-9a-f]{3,8}$|^[a-z]+$/i;

function frameUrl(options: Options, source: string): string {
  const url = new URL("./", source);
  url.searchParams.set("embedded", "");
  for (const name of ["theme", "lang"] as const) {
    const value = options[name];
    if (value) url.searchParams.set(name, value);
  }
  return url.href;
}

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An icon of one path, 24 by 24. */
function icon(path: string): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const SPEECH = "M21 12a8 8 0 0 1-8 8H4l1.7-3A8 8 0 1 1 21 12Z";
const CROSS = "M6 6l12 12M18 6L6 18";

function start(source: string, options: Options) {
  const language = (options.lang ?? document.documentElement.lang ?? navigator.language).slice(0, 2).toLowerCase();
  const title = options.title ?? TITLE[language] ?? TITLE.en ?? "";
  const frame = make("iframe", { title, allow: "camera; microphone; clipboard-write", class: "frame" });
  const load = () => {
    if (!frame.src) frame.src = frameUrl(options, source);
  };

  const host = document.createElement("recommendation-assistant");
  const root = host.attachShadow({ mode: "open" });
  const styles = new CSSStyleSheet(); // unlike a <style> element allowed by every content security policy
  styles.replaceSync(sheet);
  root.adoptedStyleSheets = [styles];
  if (options.color && COLOR.test(options.color)) host.style.setProperty("--assistant-color", options.color);
  if (options.theme) host.dataset.theme = options.theme;

  if (options.mode === "box") {
    frame.loading = "lazy";
    if (options.height) host.style.setProperty("--assistant-height", options.height);
    load();
    root.append(make("div", { class: "box" }, frame));
    const target = options.target ? document.querySelector(options.target) : null;
    if (target) target.append(host);
    else if (script?.parentNode && script.parentNode !== document.head) script.after(host);
    else document.body.append(host);
    return { open: load, close() {} };
  }

  host.dataset.position = options.position === "left" ? "left" : "right";
  const bubble = make("button", { type: "button", class: "bubble", "aria-label": title, "aria-expanded": "false" });
  bubble.append(icon(SPEECH));
  const cross = make("button", { type: "button", class: "cross", "aria-label": CLOSE[language] ?? CLOSE.en ?? "" });
  cross.append(icon(CROSS));
  const panel = make("div", { class: "panel", role: "dialog", "aria-label": title, hidden: "" });
  panel.append(make("div", { class: "bar" }, make("strong", {}, title), cross), frame);
  root.append(panel, bubble);

  const show = (open: boolean) => {
    if (open) load();
    panel.hidden = !open;
    bubble.setAttribute("aria-expanded", String(open));
    if (open) frame.focus();
    else bubble.focus();
  };
  bubble.addEventListener("click", () => show(panel.hidden === true));
  cross.addEventListener("click", () => show(false));
  root.addEventListener("keydown", (event) => {
    if ((event as KeyboardEvent).key === "Escape" && !panel.hidden) show(false);
  });
  addEventListener("message", (event) => {
    if (event.source === frame.contentWindow && event.data === ESCAPE && !panel.hidden) show(false);
  });
  document.body.append(host);
  return { open: () => show(true), close: () => show(false) };
}

declare global {
  interface Window {
    RecommendationAssistant?: ReturnType<typeof start>;
  }
}

if (script?.src) {
  const { src, dataset } = script;
  const begin = () => {
    window.RecommendationAssistant ??= start(src, dataset as Options);
  };
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
}
