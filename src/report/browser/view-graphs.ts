/**
 * Graphs whose scopes open and fold in place. Every scope comes laid out on its own; an open one takes the place of its box, and the
 * picture around it is stretched along both axes to make room, so that nothing overlaps and no arrow crosses what it did not cross.
 */
import type { El, Page, UserEvent } from "./dom.ts";
import type { BoxData, EdgeData, GraphData, ScopeData } from "./graph-data.ts";

declare const document: Page;
declare class ResizeObserver {
  constructor(resized: () => void);
  observe(element: El): void;
}

const [padding, header] = [16, 40];
const lineHeight = 16;

/** A scope with the room that it and those open in it take. */
interface Measured {
  readonly w: number;
  readonly h: number;
  readonly scope: ScopeData;
  readonly boxes: readonly Placed[];
  readonly stretch: Point2;
}
interface Placed {
  readonly box: BoxData;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** What is open in it. */
  readonly inner: Measured | null;
}
type Stretch = (at: number) => number;
interface Point2 {
  readonly x: Stretch;
  readonly y: Stretch;
}

/** A box on the screen. */
interface Shown {
  readonly key: string;
  readonly element: El;
  readonly placed: Placed;
  /** Its centre in the whole picture. */
  readonly x: number;
  readonly y: number;
  /** The key of the scope around it. */
  readonly around: string;
}

function startView(view: El, arrow: string): void {
  const [source, canvas, details] = [view.querySelector("script"), view.querySelector(".canvas"), view.querySelector(".details")];
  if (source === null || canvas === null || details === null) return;
  const { scopes }: GraphData = JSON.parse(source.textContent);
  const open = new Set<number>();
  let [zoom, isFitted, active, chosen] = [1, false, "", ""];
  let shown: readonly Shown[] = [];
  let size = { w: 1, h: 1 };

  const names = (box: BoxData): string => (box.scope === undefined ? undefined : scopes[box.scope]?.name) ?? box.lines[0] ?? "";
  const draw = (): void => {
    const whole = measure(0, scopes, open);
    const list: Shown[] = [];
    const picture = svg("svg", {
      viewBox: `0 0 ${whole.w} ${whole.h}`,
      role: "group",
      "aria-label": view.getAttribute("aria-label") ?? "graph",
    });
    picture.append(arrowHead(arrow));
    drawScope(whole, 0, 0, "0", { names, into: picture, list, arrow });
    [shown, size] = [list, whole];
    if (!list.some(({ key }) => key === active)) active = list[0]?.key ?? "";
    for (const { key, element } of list) element.setAttribute("tabindex", key === active ? "0" : "-1");
    mark();
    canvas.replaceChildren(picture);
    scale();
  };
  const scale = (): void => {
    canvas.style.setProperty("--w", `${size.w * zoom}px`);
    view.style.setProperty("--zoom", `"${Math.round(zoom * 100)} %"`);
  };
  const mark = (): void => {
    for (const { key, element } of shown) element.classList.toggle("chosen", key === chosen);
  };
  const find = (key: string): Shown | undefined => shown.find((item) => item.key === key);
  const focus = (item: Shown | undefined): void => {
    if (item === undefined) return;
    find(active)?.element.setAttribute("tabindex", "-1");
    active = item.key;
    item.element.setAttribute("tabindex", "0");
    item.element.focus();
  };
  const zoomTo = (wanted: number): void => {
    const before = zoom;
    zoom = Math.min(4, Math.max(0.05, wanted));
    const [x, y] = [canvas.scrollLeft + canvas.clientWidth / 2, canvas.scrollTop + canvas.clientHeight / 2];
    scale();
    canvas.scrollLeft = (x * zoom) / before - canvas.clientWidth / 2;
    canvas.scrollTop = (y * zoom) / before - canvas.clientHeight / 2;
  };
  const fitWidth = (): void => zoomTo(Math.min(1, (canvas.clientWidth - 32) / size.w));

  const toggle = (item: Shown, isFocused: boolean): void => {
    const { scope } = item.placed.box;
    if (scope === undefined) return;
    const top = (it: Shown): number => (it.y - it.placed.h / 2) * zoom - canvas.scrollTop;
    const [before, left] = [top(item), item.x * zoom - canvas.scrollLeft];
    if (open.has(scope)) open.delete(scope);
    else open.add(scope);
    active = item.key;
    draw();
    const now = find(item.key);
    if (now === undefined) return;
    // What was pressed stays under the pointer.
    canvas.scrollTop += top(now) - before;
    canvas.scrollLeft += now.x * zoom - canvas.scrollLeft - left;
    if (isFocused) now.element.focus({ preventScroll: true });
  };
  const choose = (item: Shown | null): void => {
    chosen = item === null || item.key === chosen ? "" : item.key;
    details.hidden = chosen === "";
    details.replaceChildren(...(chosen === "" ? [] : detailsOf(item?.placed.box.details ?? [])));
    mark();
  };
  const press = (item: Shown): void => (item.placed.box.scope === undefined ? choose(item) : toggle(item, true));
  const all = (isOpen: boolean): void => {
    open.clear();
    if (isOpen) for (let i = 1; i < scopes.length; i++) open.add(i);
    choose(null);
    draw();
    fitWidth();
  };
  const shownAt = (event: UserEvent): Shown | undefined => {
    const element = event.target.closest("[data-key]");
    return element === null ? undefined : find(element.dataset["key"] ?? "");
  };

  const actions: Readonly<Record<string, () => void>> = {
    in: () => zoomTo(zoom * 1.25),
    out: () => zoomTo(zoom / 1.25),
    fit: fitWidth,
    open: () => all(true),
    fold: () => all(false),
  };
  for (const button of view.querySelectorAll("button[data-do]"))
    button.addEventListener("click", () => actions[button.dataset["do"] ?? ""]?.());

  const keys: Readonly<Record<string, (item: Shown | undefined) => void>> = {
    "+": () => actions["in"]?.(),
    "=": () => actions["in"]?.(),
    "-": () => actions["out"]?.(),
    "0": fitWidth,
    Enter: (item) => item !== undefined && press(item),
    " ": (item) => item !== undefined && press(item),
    Escape: (item) => {
      const around = find(item?.around ?? "");
      if (chosen !== "") choose(null);
      else if (around !== undefined) toggle(around, true);
    },
    ArrowDown: (item) => focus(nearest(shown, item, 0, 1)),
    ArrowUp: (item) => focus(nearest(shown, item, 0, -1)),
    ArrowRight: (item) => focus(nearest(shown, item, 1, 0)),
    ArrowLeft: (item) => focus(nearest(shown, item, -1, 0)),
  };
  canvas.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act(shownAt(event) ?? find(active));
  });

  let drag: { readonly x: number; readonly y: number; readonly left: number; readonly top: number; moved: boolean } | null = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType === "mouse")
      drag = { x: event.clientX, y: event.clientY, left: canvas.scrollLeft, top: canvas.scrollTop, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag === null || event.buttons === 0) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.abs(dx) + Math.abs(dy) < 6) return;
    if (!drag.moved) canvas.setPointerCapture(event.pointerId);
    drag.moved = true;
    canvas.scrollLeft = drag.left - dx;
    canvas.scrollTop = drag.top - dy;
  });
  canvas.addEventListener("click", (event) => {
    const wasDrag = drag?.moved === true;
    drag = null;
    const item = wasDrag ? undefined : shownAt(event);
    if (item !== undefined) press(item);
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoomTo(zoom * 1.0015 ** -event.deltaY);
    },
    { passive: false },
  );
  draw();
  // A view that is not shown yet has no width to fit into.
  new ResizeObserver(() => {
    if (isFitted || canvas.clientWidth === 0) return;
    isFitted = true;
    fitWidth();
  }).observe(canvas);
}

/** The nearest box in a direction; distance across counts double. */
function nearest(shown: readonly Shown[], from: Shown | undefined, dx: number, dy: number): Shown | undefined {
  if (from === undefined) return shown[0];
  let [best, least]: [Shown | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  for (const item of shown) {
    const [x, y] = [item.x - from.x, topOf(item) - topOf(from)];
    const [along, across] = [x * dx + y * dy, Math.abs(x * dy) + Math.abs(y * dx)];
    const distance = along + 2 * across;
    if (along > 1 && distance < least) [best, least] = [item, distance];
  }
  return best;
}
const topOf = ({ y, placed }: Shown): number => y - placed.h / 2;

function measure(number: number, scopes: readonly ScopeData[], open: ReadonlySet<number>): Measured {
  const scope = scopes[number] ?? { name: "", w: 0, h: 0, boxes: [], edges: [] };
  const sizes = scope.boxes.map((box) => {
    const inner = box.scope !== undefined && open.has(box.scope) ? measure(box.scope, scopes, open) : null;
    if (inner === null) return { inner, w: box.w, h: box.h };
    return { inner, w: Math.max(headWidth(box), inner.w + 2 * padding), h: inner.h + header + padding };
  });
  const spans = (centre: "x" | "y", length: "w" | "h") =>
    scope.boxes.map((box, i) => ({
      from: box[centre] - box[length] / 2,
      to: box[centre] + box[length] / 2,
      extra: Math.max(0, (sizes[i]?.[length] ?? 0) - box[length]),
    }));
  const stretch = { x: stretched(spans("x", "w")), y: stretched(spans("y", "h")) };
  const middle = (along: Stretch, centre: number, length: number): number => (along(centre - length / 2) + along(centre + length / 2)) / 2;
  const boxes = scope.boxes.map((box, i): Placed => {
    const { inner, w, h } = sizes[i] ?? { inner: null, w: box.w, h: box.h };
    return { box, inner, w, h, x: middle(stretch.x, box.x, box.w), y: middle(stretch.y, box.y, box.h) };
  });
  return { scope, boxes, stretch, w: stretch.x(scope.w), h: stretch.y(scope.h) };
}

/** The room that the head of an open scope needs: its name and its count in one line. */
const headWidth = ({ lines: [label = "", count = ""] }: BoxData): number => 56 + 8 * label.length + 6.8 * count.length;

/** A map that leaves each span room for its extra length; where spans overlap, the one that needs most room decides. */
function stretched(spans: readonly { readonly from: number; readonly to: number; readonly extra: number }[]): Stretch {
  const grown = spans.filter(({ extra }) => extra > 0);
  const ends = [...new Set(grown.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const pieces = ends.slice(1).map((to, i) => {
    const from = ends[i] ?? to;
    const inside = grown.filter((span) => span.from < to && span.to > from);
    return { from, to, rate: Math.max(0, ...inside.map((span) => span.extra / (span.to - span.from))) };
  });
  return (at) => pieces.reduce((sum, { from, to, rate }) => sum + rate * Math.max(0, Math.min(at, to) - from), at);
}

function svg(tag: string, attributes: Readonly<Record<string, string | number>>, ...children: readonly (El | string)[]): El {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}
function arrowHead(id: string): El {
  const marker = { id, viewBox: "0 0 8 8", refX: 6.5, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" };
  return svg("defs", {}, svg("marker", marker, svg("path", { d: "M0 0.8 7 4 0 7.2z" })));
}

/** Where a picture is drawn, what can be pressed in it, and the name of its arrow head. */
interface Drawing {
  /** The whole name of a box. */
  readonly names: (box: BoxData) => string;
  readonly into: El;
  readonly list: Shown[];
  readonly arrow: string;
}
function drawScope(measured: Measured, left: number, top: number, path: string, drawing: Drawing): void {
  const { names, into, list, arrow } = drawing;
  for (const edge of measured.scope.edges)
    into.append(svg("path", { class: "edge", d: edgePath(edge, measured, left, top), "marker-end": `url(#${arrow})` }));
  measured.boxes.forEach((placed, i) => {
    const { box, x, y, w, h, inner } = placed;
    const key = `${path}.${i}`;
    const [x0, y0] = [left + x - w / 2, top + y - h / 2];
    const element = svg("g", {
      class: `box ${box.kind}${inner === null ? "" : " open"}`,
      transform: `translate(${x0} ${y0})`,
    });
    if (box.kind === "end") element.append(svg("circle", { cx: w / 2, cy: h / 2, r: 4 }));
    else element.append(svg("rect", { width: w, height: h, rx: box.kind === "port" ? 14 : 8 }), ...textsOf(placed));
    if (box.share !== undefined && inner === null) element.append(...shareBar(box.share, w, h));
    if (box.kind === "scope" || box.details !== undefined) {
      element.setAttribute("role", "button");
      element.setAttribute("data-key", key);
      element.setAttribute("aria-label", [names(box), ...box.lines.slice(1)].join(", "));
      if (box.kind === "scope") element.setAttribute("aria-expanded", String(inner !== null));
      list.push({ key, element, placed, x: left + x, y: top + y, around: path });
    }
    into.append(element);
    if (inner !== null) drawScope(inner, x0 + (w - inner.w) / 2, y0 + header, key, drawing);
  });
}

/** The lines of a box, in its middle; those of an open scope stand in its head. */
function textsOf({ box, w, inner }: Placed): readonly El[] {
  if (inner !== null) {
    const [label = "", count = ""] = box.lines;
    return [chevron(14, 20, true), svg("text", { class: "line-0", x: 28, y: 25 }, label, svg("tspan", { class: "line-1", dx: 10 }, count))];
  }
  const texts = box.lines.map((line, i) => svg("text", { class: `line-${i} middle`, x: w / 2, y: 7 + lineHeight * (i + 0.75) }, line));
  return box.kind === "scope" ? [chevron(11, 15, false), ...texts] : texts;
}
const chevron = (x: number, y: number, isOpen: boolean): El =>
  svg("path", { class: "chevron", d: isOpen ? `M${x - 3} ${y - 2}l4 4 4-4` : `M${x - 2} ${y - 4}l4 4-4 4` });
/** A line as long as its part of all multiply-adds; none where it would be a dot. */
function shareBar(share: number, w: number, h: number): readonly El[] {
  const width = (w - 16) * share;
  return width < 3 ? [] : [svg("rect", { class: "share", x: 8, y: h - 4, width, height: 2, rx: 1 })];
}

/** An edge after stretching: its ends stay where they were on their boxes, and take the control points beside them along. */
function edgePath({ from, to, points }: EdgeData, { boxes, stretch }: Measured, left: number, top: number): string {
  const moved = points.map((p, i) => (i % 2 === 0 ? left + stretch.x(p) : top + stretch.y(p)));
  const anchor = (at: number, placed: Placed | undefined, next: number): void => {
    if (placed === undefined) return;
    const { box, x, y, w, h } = placed;
    const down = (points[at + 1] ?? 0) - box.y;
    const wanted = [left + x + (((points[at] ?? 0) - box.x) * w) / box.w, top + y + down + (Math.sign(down) * (h - box.h)) / 2];
    for (const axis of [0, 1]) {
      const shift = (wanted[axis] ?? 0) - (moved[at + axis] ?? 0);
      moved[at + axis] = (moved[at + axis] ?? 0) + shift;
      moved[next + axis] = (moved[next + axis] ?? 0) + shift;
    }
  };
  anchor(0, boxes[from], 2);
  anchor(points.length - 2, boxes[to], points.length - 4);
  const texts = moved.map((p) => String(Math.round(p * 10) / 10));
  return `M${texts.slice(0, 2).join(" ")}C${texts.slice(2).join(" ")}`;
}

function detailsOf(entries: readonly (readonly [what: string, text: string])[]): readonly El[] {
  return entries.flatMap(([what, text]) => {
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    term.append(what);
    description.append(text);
    return [term, description];
  });
}

let views = 0;
for (const view of document.querySelectorAll(".graph-view")) startView(view, `arrow-${views++}`);
