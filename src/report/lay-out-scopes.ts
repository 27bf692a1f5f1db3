/** Every scope of a graph laid out by Graphviz, for the page's viewer to put together. */
import { type Graph as DotGraph, instance, type Viz } from "@viz-js/viz";
import { type Graph, type Node, printType, type Value } from "../ir/graph.ts";
import { printLocation } from "../ir/location.ts";
import { printAttributes } from "../ir/print.ts";
import { printShape } from "../ir/shape.ts";
import type { BoxData, EdgeData, GraphData, ScopeData } from "./browser/graph-data.ts";
import { grouped, percent, visible } from "./html.ts";
import { nodesIn, type Scope, type ScopePart, scopeTree } from "./scope-tree.ts";

/** What a node costs, where the numbers are known. */
export interface NodeFigures {
  readonly parameters: number;
  /** Multiply-adds. */
  readonly macs: number;
}
/** The figures of a node; null where sizes are symbolic. */
export type FiguresOf = (node: Node) => NodeFigures | null;

let viz: Promise<Viz> | undefined;

/** The graph for the viewer. Weights are told of by their sizes alone. */
export async function layOutGraph(graph: Graph, figuresOf: FiguresOf): Promise<GraphData> {
  viz ??= instance();
  const { macs: total } = sum(graph.nodes, figuresOf);
  const context: Context = { graph, readers: readersIn(graph), figuresOf, viz: await viz, total, scopes: [] };
  layOut(scopeTree(graph), context, "whole");
  return { scopes: context.scopes };
}

interface Context {
  readonly graph: Graph;
  readonly readers: ReadonlyMap<Value, readonly Node[]>;
  readonly figuresOf: FiguresOf;
  readonly viz: Viz;
  /** Multiply-adds of the whole graph. */
  readonly total: number;
  /** Those that are done, and places for those that are begun. */
  readonly scopes: ScopeData[];
}

function sum(nodes: readonly Node[], figuresOf: FiguresOf): NodeFigures {
  let [parameters, macs] = [0, 0];
  for (const node of nodes) {
    const figures = figuresOf(node);
    parameters += figures?.parameters ?? 0;
    macs += figures?.macs ?? 0;
  }
  return { parameters, macs };
}

/** A box before it has a place. */
type Unplaced = Omit<BoxData, "x" | "y">;

/** Lays out a scope and those in it; gives its number. */
function layOut(scope: Scope, context: Context, extent: "whole" | "part"): number {
  const number = context.scopes.length;
  context.scopes.push({ name: scope.name, w: 0, h: 0, boxes: [], edges: [] });
  const { boxes, links } = contentsOf(scope, context, extent);
  context.scopes[number] = { name: scope.name, ...placed(boxes, links, context.viz) };
  return number;
}

type Link = readonly [from: number, to: number];
function contentsOf(
  scope: Scope,
  context: Context,
  extent: "whole" | "part",
): { readonly boxes: readonly Unplaced[]; readonly links: readonly Link[] } {
  const { graph } = context;
  const inside = new Map(scope.parts.flatMap((part, i) => nodesIn(part).map((node) => [node, i] as const)));
  const boxes: Unplaced[] = scope.parts.map((part) => boxOf(part, context));
  const links = new Map<string, Link>();
  const link = (from: number, to: number): void => void (from !== to && links.set(`${from} ${to}`, [from, to]));
  const sources = new Map<Value, number>();
  const sourceOf = (value: Value): number => {
    const known = (value.producer === null ? undefined : inside.get(value.producer)) ?? sources.get(value);
    if (known !== undefined) return known;
    sources.set(value, boxes.length);
    return boxes.push(portOf(value, extent)) - 1;
  };
  const given = new Map<number, Value>();
  for (const [node, i] of inside) {
    for (const value of node.inputs) if (value !== null && !graph.initializers.has(value)) link(sourceOf(value), i);
    for (const value of node.outputs) if (value !== null && isReadOutside(value, inside, context)) given.set(i, value);
  }
  if (extent === "whole") for (const value of graph.outputs) link(sourceOf(value), boxes.push(portOf(value, extent)) - 1);
  else for (const i of given.keys()) link(i, boxes.push({ kind: "end", w: 9, h: 9, lines: [] }) - 1);
  return { boxes, links: [...links.values()] };
}

function readersIn(graph: Graph): ReadonlyMap<Value, readonly Node[]> {
  const found = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const value of node.inputs) {
      if (value === null) continue;
      const known = found.get(value);
      if (known === undefined) found.set(value, [node]);
      else known.push(node);
    }
  }
  return found;
}
const isReadOutside = (value: Value, inside: ReadonlyMap<Node, number>, { graph, readers }: Context): boolean =>
  graph.outputs.includes(value) || (readers.get(value) ?? []).some((node) => !inside.has(node));

function boxOf(part: ScopePart, context: Context): Unplaced {
  return part.kind === "node" ? nodeBox(part.label, part.node, context) : scopeBox(part.scope, context);
}

function nodeBox(label: string, node: Node, context: Context): Unplaced {
  const { graph, figuresOf, total } = context;
  const figures = figuresOf(node);
  const weights = node.inputs.filter((value) => value !== null && graph.initializers.has(value) && value.type.shape.length > 0);
  const output = node.outputs.find((value) => value !== null);
  const lines = [
    label,
    `${node.opType}${windowText(node)}`,
    ...(output === null || output === undefined ? [] : [printShape(output.type.shape)]),
  ];
  return {
    kind: weights.length > 0 ? "weighted" : "plain",
    ...sized(lines),
    ...(figures === null || total === 0 || figures.macs === 0 ? {} : { share: rounded(figures.macs / total, 4) }),
    details: detailsOf(node, figures, graph),
  };
}
/** " 3×3, stride 2" of whatever slides a window. */
function windowText(node: Node): string {
  const attributes = printAttributes(node);
  const numbers = (name: string): readonly string[] => attributes.get(name)?.match(/\d+/g) ?? [];
  const [kernel, strides] = [numbers("kernel_shape"), numbers("strides")];
  const stride = [...new Set(strides)];
  return `${kernel.length === 0 ? "" : ` ${kernel.join("×")}`}${stride.length === 0 || stride.join() === "1" ? "" : `, stride ${stride.join("×")}`}`;
}

function scopeBox(scope: Scope, context: Context): Unplaced {
  const nodes = scope.parts.flatMap(nodesIn);
  const figures = sum(nodes, context.figuresOf);
  const share = context.total === 0 ? 0 : figures.macs / context.total;
  const output = nodes.at(-1)?.outputs.find((value) => value !== null);
  const count = `${nodes.length} nodes${share > 0 ? ` · ${percent(share, share < 0.1 ? 1 : 0)} of MACs` : ""}`;
  const lines = [scope.label, count, ...(output === null || output === undefined ? [] : [printShape(output.type.shape)])];
  return {
    kind: "scope",
    ...sized(lines),
    scope: layOut(scope, context, "part"),
    ...(share === 0 ? {} : { share: rounded(share, 4) }),
  };
}

/** A graph's input or output with its type, or where a value comes from that a scope reads. */
function portOf(value: Value, extent: "whole" | "part"): Unplaced {
  return {
    kind: "port",
    ...sized(extent === "whole" ? [value.name, printType(value.type)] : [`from ${value.producer?.name ?? value.name}`]),
  };
}

/** A list, shortened: a hostile graph may have a node with a million inputs. */
const mostEntries = 12;
function detailsOf(node: Node, figures: NodeFigures | null, graph: Graph): NonNullable<BoxData["details"]> {
  const valueText = (value: Value): string => `${value.name}: ${printType(value.type)}`;
  const listed = (values: readonly (Value | null)[]): string => {
    const present = values.flatMap((value) => (value === null ? [] : [valueText(value)]));
    return [...present.slice(0, mostEntries), ...(present.length > mostEntries ? [`and ${present.length - mostEntries} more`] : [])].join(
      "\n",
    );
  };
  const isWeight = (value: Value | null): boolean => value !== null && graph.initializers.has(value);
  const attributes = [...printAttributes(node, { weights: "small" })].map(([name, text]) => [name, short(text, 160)] as const);
  const entries: readonly (readonly [string, string])[] = [
    ["name", node.name],
    ["op", node.opType],
    ["reads", listed(node.inputs.filter((value) => !isWeight(value)))],
    ["weights", listed(node.inputs.filter(isWeight))],
    ["gives", listed(node.outputs)],
    ...attributes,
    ["parameters", figures === null || figures.parameters === 0 ? "" : grouped(figures.parameters)],
    ["MACs", figures === null || figures.macs === 0 ? "" : grouped(figures.macs)],
    ["source", printLocation(node.location)],
  ];
  return entries.filter(([, text]) => text !== "").map(([what, text]) => [what, visible(text)]);
}

const longestText = 40;
function short(text: string, most: number): string {
  const characters = Array.from(text);
  const half = Math.floor(most / 2);
  return characters.length <= most ? text : [...characters.slice(0, half), "…", ...characters.slice(-half)].join("");
}

/** The widths of a character in the fonts of the style sheet: names, what they are, shapes. */
const charWidths = [7.2, 6.3, 6.7] as const;
const lineHeight = 16;
function sized(texts: readonly string[]): Pick<BoxData, "w" | "h" | "lines"> {
  const lines = texts.map((text) => short(visible(text), longestText));
  const width = Math.max(...lines.map((line, i) => line.length * (charWidths[i] ?? 7)));
  return { w: Math.max(64, Math.ceil(width) + 26), h: 14 + lineHeight * lines.length, lines };
}

/** Graphviz counts in inches of 72 points. */
const inch = 72;
const rounded = (x: number, digits = 1): number => Number(x.toFixed(digits));

function placed(boxes: readonly Unplaced[], links: readonly Link[], viz: Viz): Omit<ScopeData, "name"> {
  const dot: DotGraph = {
    directed: true,
    graphAttributes: { rankdir: "TB", ranksep: 0.36, nodesep: 0.3 },
    nodeAttributes: { shape: "box", fixedsize: true, label: "" },
    edgeAttributes: { arrowhead: "none" },
    nodes: boxes.map(({ w, h }, i) => ({ name: `n${i}`, attributes: { width: w / inch, height: h / inch } })),
    edges: links.map(([from, to]) => ({ tail: `n${from}`, head: `n${to}` })),
  };
  return readPlain(viz.renderString(dot, { format: "plain", engine: "dot" }), boxes);
}

/** Graphviz's "plain" format: a line per node and edge, y upwards, all names our own. */
function readPlain(text: string, boxes: readonly Unplaced[]): Omit<ScopeData, "name"> {
  let [width, height] = [0, 0];
  const places = new Map<number, { readonly x: number; readonly y: number }>();
  const edges: EdgeData[] = [];
  const numberOf = (name: string | undefined): number => Number(name?.slice(1));
  const across = (inches: string | undefined): number => rounded(Number(inches) * inch);
  const down = (inches: string | undefined): number => rounded((height - Number(inches)) * inch);
  for (const line of text.split("\n")) {
    const [kind, ...fields] = line.split(" ");
    if (kind === "graph") [width, height] = [Number(fields[1]), Number(fields[2])];
    if (kind === "node") places.set(numberOf(fields[0]), { x: across(fields[1]), y: down(fields[2]) });
    if (kind !== "edge") continue;
    const points = fields.slice(3, 3 + 2 * Number(fields[2])).map((field, i) => (i % 2 === 0 ? across(field) : down(field)));
    edges.push({ from: numberOf(fields[0]), to: numberOf(fields[1]), points });
  }
  return {
    w: Math.ceil(width * inch),
    h: Math.ceil(height * inch),
    boxes: boxes.map((box, i) => ({ ...box, ...(places.get(i) ?? { x: 0, y: 0 }) })),
    edges,
  };
}
