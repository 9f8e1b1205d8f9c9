import { select } from "d3-selection";
import { type ZoomTransform, zoom, zoomIdentity } from "d3-zoom";
import { Maximize, Minus, Plus } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useMessages } from "../i18n";
import { IconButton } from "../ui/Button";
import { Photo } from "../ui/Photo";
import css from "./MapView.module.css";
import { DIRECTIONS, type Group, nearest, next, type Placed, place } from "./mapping";

const MARGIN = 28;
const RADIUS = 6;
const REACH = 14;

/** The map itself: zoom and move, hover or use the arrow keys for an item's photo, click or Enter to open it. */
export function MapView({ groups }: { groups: Group[] }) {
  const t = useMessages();
  const [, navigate] = useLocation();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = useSize(frame);
  const { transform, zoomBy, showAll } = useZoom(canvas);
  const [at, setAt] = useState<string | null>(null);

  const placed = useMemo(() => place(groups, width, height, MARGIN), [groups, width, height]);
  const onScreen = useMemo(
    () => placed.map((dot) => ({ ...dot, x: transform.applyX(dot.x), y: transform.applyY(dot.y) })),
    [placed, transform],
  );
  const current = onScreen.find(({ point }) => point.item_id === at) ?? null;

  useEffect(() => {
    if (canvas.current && width && height) draw(canvas.current, onScreen, current, width, height);
  }, [onScreen, current, width, height]);

  const open = (dot: Placed | null) => dot && navigate(`/catalogue/${encodeURIComponent(dot.point.item_id)}`);

  function dotUnder(event: PointerEvent | React.MouseEvent) {
    const box = event.currentTarget.getBoundingClientRect();
    return nearest(onScreen, event.clientX - box.left, event.clientY - box.top, REACH);
  }

  function onKeyDown(event: KeyboardEvent) {
    const direction = DIRECTIONS[event.key];
    if (direction) {
      event.preventDefault();
      const from = current ?? nearest(onScreen, width / 2, height / 2, Number.POSITIVE_INFINITY);
      const to = current && from ? next(onScreen, from, direction) : from;
      if (to) setAt(to.point.item_id);
    } else if (event.key === "Enter") open(current);
    else if (event.key === "Escape") setAt(null);
  }

  return (
    <div className={css.frame} ref={frame}>
      <div
        className={css.stage}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application; its dots are reached with the arrow keys
        tabIndex={0}
        role="application"
        aria-label={t.map.canvas(placed.length)}
        aria-describedby="map-help"
        data-over={current !== null}
        onPointerMove={(event) => setAt(dotUnder(event)?.point.item_id ?? null)}
        onPointerLeave={() => setAt(null)}
        onClick={(event) => open(dotUnder(event))}
        onKeyDown={onKeyDown}
      >
        <canvas ref={canvas} className={css.canvas} />
      </div>
      <p id="map-help" className={css.help}>
        {t.map.help}
      </p>
      <div className={css.zoom}>
        <IconButton label={t.map.zoomIn} look="outline" onPress={() => zoomBy(1.6)}>
          <Plus size={18} aria-hidden />
        </IconButton>
        <IconButton label={t.map.zoomOut} look="outline" onPress={() => zoomBy(1 / 1.6)}>
          <Minus size={18} aria-hidden />
        </IconButton>
        <IconButton label={t.map.reset} look="outline" onPress={showAll}>
          <Maximize size={18} aria-hidden />
        </IconButton>
      </div>
      {current && <Preview dot={current} width={width} height={height} />}
      <p className="visually-hidden" role="status">
        {current && `${current.point.title}, ${current.point.category ?? t.map.other}`}
      </p>
    </div>
  );
}

/** The photo of the dot in question, on the side where there is room. */
function Preview({ dot, width, height }: { dot: Placed; width: number; height: number }) {
  const style = {
    ...(dot.x > width / 2 ? { right: width - dot.x + 14 } : { left: dot.x + 14 }),
    ...(dot.y > height / 2 ? { bottom: height - dot.y + 14 } : { top: dot.y + 14 }),
  };
  return (
    <div className={css.preview} style={style} aria-hidden>
      <Photo itemId={dot.point.item_id} alt="" width={320} eager />
      <strong>{dot.point.title}</strong>
      <small>{dot.point.category}</small>
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, dots: Placed[], current: Placed | null, width: number, height: number) {
  const density = devicePixelRatio;
  canvas.width = width * density;
  canvas.height = height * density;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(density, density);
  for (const { x, y, colour } of dots) {
    context.beginPath();
    context.arc(x, y, RADIUS, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
  }
  if (current) {
    context.beginPath();
    context.arc(current.x, current.y, RADIUS + 4, 0, 2 * Math.PI);
    context.lineWidth = 2.5;
    context.strokeStyle = current.colour;
    context.stroke();
  }
}

function useSize(element: React.RefObject<HTMLElement | null>) {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

function useZoom(canvas: React.RefObject<HTMLCanvasElement | null>) {
  const [transform, setTransform] = useState<ZoomTransform>(zoomIdentity);
  const behaviour = useMemo(
    () =>
      zoom<HTMLCanvasElement, unknown>()
        .scaleExtent([0.8, 40])
        .on("zoom", (event: { transform: ZoomTransform }) => setTransform(event.transform)),
    [],
  );
  useEffect(() => {
    if (!canvas.current) return;
    const selection = select(canvas.current);
    selection.call(behaviour).on("dblclick.zoom", null);
    return () => {
      selection.on(".zoom", null);
    };
  }, [canvas, behaviour]);
  return {
    transform,
    zoomBy: (factor: number) => canvas.current && behaviour.scaleBy(select(canvas.current), factor),
    showAll: () => canvas.current && behaviour.transform(select(canvas.current), zoomIdentity),
  };
}
