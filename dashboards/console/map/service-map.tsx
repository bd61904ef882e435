// The map: a picture of the table of places and calls.
// In: what is drawn, what stands out, what is chosen. Out: a canvas that can be used by mouse, touch and keyboard.
// Bounds: painting happens at most once a frame; a second canvas holds the moving dots, so that they never repaint the map.
import { useComputedColorScheme } from "@mantine/core";
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useLanguage } from "../language/language.tsx";
import { figuresLine } from "../graph/figures.ts";
import type { BlamedPlaces } from "./blame.ts";
import { cardLine } from "./card-line.ts";
import { type Emphasis, makeEmphasis, type MapWords, startOf } from "./emphasis.ts";
import type { LabelBox } from "./labels.ts";
import { CARD_ZOOM, paintMap } from "./paint.ts";
import { paintFlow } from "./paint-flow.ts";
import { type Palette, readPalette } from "./palette.ts";
import { hitNode, makeScene, type SceneEdge, type SceneNode } from "./scene.ts";
import classes from "./service-map.module.css";
import { useFlow } from "./use-flow.ts";
import { useLayout } from "./use-layout.ts";
import { useViewport } from "./use-viewport.ts";
import type { ViewGraph } from "./view-graph.ts";
import { type ArrowWay, fitBox, nextPlace, type Room, surround } from "./viewport.ts";

/** What the page's keyboard shortcuts can do to the map. */
export interface MapHandle {
  readonly zoom: (factor: number) => void;
  readonly fit: () => void;
}

interface ServiceMapProps {
  readonly graph: ViewGraph;
  /** Names what the map is about; another subject is laid out afresh and shown whole. */
  readonly subject: string;
  readonly blamed: BlamedPlaces | null;
  readonly selected: string | null;
  /** Places that a search found; null when nobody searches. */
  readonly found: ReadonlySet<string> | null;
  readonly onSelect: (id: string | null) => void;
  readonly handle: Ref<MapHandle>;
}

const FLOW_LIMIT = 60;
const READABLE_ZOOM = 0.5;

/** Draws the map and tells which place is chosen. */
export function ServiceMap(props: ServiceMapProps): ReactNode {
  const { graph, blamed, selected, found, onSelect } = props;
  const language = useLanguage();
  const { t, tn, format } = language;
  const scheme = useComputedColorScheme("light");
  const frame = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const flow = useRef<HTMLCanvasElement>(null);
  const [room, setRoom] = useState<Room | null>(null);
  const [hovered, setHovered] = useState<string | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [palette, setPalette] = useState<Palette | null>(null);
  const layout = useLayout(graph, props.subject, room);

  useLayoutEffect(() => {
    if (frame.current !== null) setPalette(readPalette(frame.current));
  }, [scheme]);
  useEffect(() => {
    const on = frame.current;
    if (on === null) return;
    const watcher = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = on;
      if (width > 0 && height > 0)
        setRoom((was) => (was?.width === width && was.height === height ? was : { width, height }));
    });
    watcher.observe(on);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    // Text that was painted before the font came would keep the wrong width.
    void document.fonts.ready.then(() => setPalette((was) => (was === null ? was : { ...was })));
  }, []);

  const scene = useMemo(() => (layout === null ? null : makeScene(graph, layout.layout)), [graph, layout]);
  const emphasis = useMemo<Emphasis>(
    () => makeEmphasis(graph, blamed, found, selected, hovered ?? cursor),
    [graph, blamed, found, selected, hovered, cursor],
  );
  const words = useMemo<MapWords>(
    () => ({
      figures: (node) => cardLine(node, language),
      edge: (edge) => figuresLine(edge, format, t),
      cause: t("map.cause"),
      symptom: t("map.symptom"),
    }),
    [language, format, t],
  );
  // The whole map where it can be read whole; else the blame path.
  const target = useMemo(() => {
    if (scene === null || scene.nodes.length === 0 || room === null) return null;
    if (fitBox(scene.bounds, room, 20).zoom >= READABLE_ZOOM) return scene.bounds;
    return surround(scene.nodes.filter(({ node }) => blamed?.nodes.has(node.id) === true)) ?? scene.bounds;
  }, [scene, blamed, room]);

  const labelled = useRef<readonly LabelBox[]>([]);
  const waiting = useRef(0);
  const paintNow = useRef<() => void>(() => {});
  const schedule = useCallback(() => {
    if (waiting.current !== 0) return;
    waiting.current = requestAnimationFrame(() => {
      waiting.current = 0;
      paintNow.current();
    });
  }, []);
  const control = useViewport(
    frame,
    room,
    target,
    `${layout?.subject ?? ""}|${blamed === null ? "" : "blame"}`,
    schedule,
    (x, y) => {
      if (scene === null) return;
      const { zoom, x: left, y: top } = control.view.current;
      const hit = hitNode(scene, (x - left) / zoom, (y - top) / zoom, zoom < 0.4 ? 6 / zoom : 0);
      onSelect(hit?.node.id ?? null);
    },
  );
  useImperativeHandle(props.handle, () => ({ zoom: control.zoom, fit: control.fit }), [control.zoom, control.fit]);

  const moving = useMemo<readonly SceneEdge[]>(() => {
    if (scene === null) return [];
    const lines = scene.edges.filter(
      ({ edge }) =>
        emphasis.blamed.has(edge.id) || (selected !== null && (edge.source === selected || edge.target === selected)),
    );
    return lines.slice(0, FLOW_LIMIT);
  }, [scene, emphasis, selected]);
  const paintDots = useCallback(
    (phase: number) => {
      const ctx = flow.current?.getContext("2d");
      if (ctx === undefined || ctx === null || room === null || palette === null) return;
      paintFlow(
        ctx,
        moving,
        control.view.current,
        room,
        devicePixelRatio,
        phase,
        (line) => (emphasis.blamed.has(line.edge.id) ? palette.blame : palette.accent),
        labelled.current,
      );
    },
    [moving, room, palette, emphasis, control.view],
  );
  useFlow(frame, moving.length > 0, paintDots);

  useEffect(() => {
    paintNow.current = () => {
      const ctx = base.current?.getContext("2d");
      if (ctx === undefined || ctx === null || room === null || palette === null || scene === null) return;
      const started = performance.now();
      labelled.current = paintMap(ctx, scene, control.view.current, room, devicePixelRatio, emphasis, palette, words);
      // Kept for whoever measures the page; the browser drops the oldest entries by itself.
      performance.measure("faultline.paint", { start: started, end: performance.now() });
      if (moving.length === 0 || matchMedia("(prefers-reduced-motion: reduce)").matches) paintDots(0.5);
    };
    schedule();
  }, [scene, emphasis, palette, room, words, moving, paintDots, schedule, control.view]);
  useEffect(() => () => cancelAnimationFrame(waiting.current), []);

  useEffect(() => {
    const at = selected === null ? undefined : scene?.byId.get(selected);
    if (at !== undefined) control.reveal(at.x + at.width / 2, at.y + at.height / 2);
    // Only a new choice moves the map; a refresh of the same one does not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected, scene === null]);

  const onPointerMove = (event: PointerEvent): void => {
    if (scene === null || frame.current === null || event.buttons !== 0) return;
    const box = frame.current.getBoundingClientRect();
    const { zoom, x, y } = control.view.current;
    const hit = hitNode(
      scene,
      (event.clientX - box.left - x) / zoom,
      (event.clientY - box.top - y) / zoom,
      zoom < 0.4 ? 6 / zoom : 0,
    );
    setHovered(hit?.node.id ?? null);
  };
  // Along the calls an arrow key follows a call where there is one, and only else goes to whoever is near.
  const nextLinked = (from: SceneNode, way: ArrowWay): string | null => {
    const isAlong = (way === "up" || way === "down") === (layout?.layout.direction === "down");
    if (!isAlong || scene === null) return null;
    const linked = (scene.linesOf.get(from.node.id) ?? []).flatMap(({ edge }) => {
      const other = scene.byId.get(edge.source === from.node.id ? edge.target : edge.source);
      return other === undefined ? [] : [{ id: other.node.id, x: other.x, y: other.y }];
    });
    return nextPlace(linked, from, way);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const way = ({ ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" } as const)[event.key];
    if (scene === null) return;
    if (way !== undefined) {
      event.preventDefault();
      const from = scene.byId.get(cursor ?? selected ?? "") ?? null;
      const places = scene.nodes.map((node) => ({ id: node.node.id, x: node.x, y: node.y }));
      const to =
        from === null ? (startOf(graph, blamed) ?? null) : (nextLinked(from, way) ?? nextPlace(places, from, way));
      if (to === null) return;
      setCursor(to);
      const at = scene.byId.get(to);
      if (at !== undefined) control.reveal(at.x + at.width / 2, at.y + at.height / 2);
    } else if (event.key === "Enter" && cursor !== null) {
      event.preventDefault();
      onSelect(cursor);
    }
  };

  const unhealthy = graph.nodes.filter((node) => node.health === "FAILING" || node.health === "DEGRADED").length;
  const tip = hovered === null ? undefined : scene?.byId.get(hovered);
  const spoken = cursor === null ? undefined : graph.nodes.find((node) => node.id === cursor);
  return (
    <div
      ref={frame}
      className={classes.frame}
      role="application"
      tabIndex={0}
      aria-label={t("map.label", {
        nodes: tn("map.count.nodes", graph.nodes.length),
        edges: tn("map.count.edges", graph.edges.length),
        unhealthy: unhealthy === 0 ? t("map.healthy") : tn("map.unhealthy", unhealthy),
      })}
      data-testid="map"
      data-ready={scene !== null && scene.nodes.length > 0}
      data-moving={moving.length}
      style={{ cursor: hovered === null ? "grab" : "pointer" }}
      onPointerMove={onPointerMove}
      onPointerLeave={() => setHovered(null)}
      onBlur={() => setCursor(null)}
      onKeyDown={onKeyDown}
    >
      <SizedCanvas canvas={base} room={room} />
      <SizedCanvas canvas={flow} room={room} />
      {tip !== undefined && control.view.current.zoom < CARD_ZOOM && room !== null && (
        <div
          className={classes.tip}
          style={{
            left: Math.min(
              room.width - 210,
              Math.max(6, (tip.x + tip.width / 2) * control.view.current.zoom + control.view.current.x + 12),
            ),
            top: Math.min(
              room.height - 52,
              Math.max(6, (tip.y + tip.height / 2) * control.view.current.zoom + control.view.current.y + 12),
            ),
          }}
        >
          <strong>{tip.node.label}</strong>
          {tip.node.detail !== "" && <span> · {tip.node.detail}</span>}
          <div>{cardLine(tip.node, language)}</div>
        </div>
      )}
      <div className={classes.spoken} aria-live="polite">
        {spoken !== undefined && `${spoken.label}, ${t(`health.${spoken.health}`)}, ${cardLine(spoken, language)}`}
      </div>
    </div>
  );
}

function SizedCanvas({ canvas, room }: { canvas: Ref<HTMLCanvasElement>; room: Room | null }): ReactNode {
  if (room === null) return null;
  const { width, height } = room;
  return (
    <canvas
      ref={canvas}
      className={classes.canvas}
      width={Math.round(width * devicePixelRatio)}
      height={Math.round(height * devicePixelRatio)}
      aria-hidden
    />
  );
}
