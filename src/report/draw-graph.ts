/** A picture of a graph, laid out by Graphviz. */
import { type Graph as DotGraph, instance, type Viz } from "@viz-js/viz";
import { type Graph, type Node, printType, type Value } from "../ir/graph.ts";
import { printShape } from "../ir/shape.ts";
import { type Html, trustedMarkup } from "./html.ts";

/** Graphviz takes seconds beyond this many nodes. */
const mostNodes = 600;
const longestText = 48;

let viz: Promise<Viz> | undefined;

/** An SVG picture of a graph's nodes, the shapes on their edges, and the weights that they read; null for a graph too large to draw. */
export async function drawGraph(graph: Graph): Promise<Html | null> {
  if (graph.nodes.length > mostNodes) return null;
  viz ??= instance();
  const svg = (await viz).renderString(dotOf(graph), { format: "svg", engine: "dot" });
  return trustedMarkup(withoutProlog(svg));
}

/** From <svg on, with its size left to the page's style sheet but for its natural width. */
const withoutProlog = (svg: string): string =>
  svg
    .slice(svg.indexOf("<svg"))
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/^<svg width="(\d+)pt"\s+height="\d+pt"/, '<svg aria-hidden="true" style="width:$1pt"');

function dotOf(graph: Graph): DotGraph {
  const ids = new Map<Node | Value, string>();
  const idOf = (thing: Node | Value): string => {
    const id = ids.get(thing) ?? `n${ids.size}`;
    ids.set(thing, id);
    return id;
  };
  const read = new Map<string, Value>();
  const edge = (tail: Node | Value, head: string, value: Value) => ({
    tail: idOf(tail),
    head,
    attributes: { label: ` ${label(printShape(value.type.shape))} ` },
  });
  const nodes = new Set(graph.nodes);
  const sourceOf = (value: Value): Node | Value | null => {
    if (value.producer !== null) return nodes.has(value.producer) ? value.producer : null;
    return graph.initializers.has(value) ? null : value;
  };
  const edgesInto = (head: string, values: readonly (Value | null)[]) =>
    values.flatMap((value) => {
      const tail = value === null ? null : sourceOf(value);
      if (value === null || tail === null) return [];
      if (!("opType" in tail)) read.set(value.name, value);
      return [edge(tail, head, value)];
    });
  const edges = [
    ...graph.nodes.flatMap((node) => edgesInto(idOf(node), node.inputs)),
    ...graph.outputs.flatMap((value, i) => edgesInto(`out${i}`, [value])),
  ];
  const inputs = graph.inputs.filter((value) => read.has(value.name));
  return {
    directed: true,
    graphAttributes: { rankdir: "TB", bgcolor: "transparent", ranksep: 0.32, nodesep: 0.24, margin: 0 },
    nodeAttributes: { shape: "box", style: "rounded,filled", fontname: "Helvetica", fontsize: 11, margin: "0.14,0.06", height: 0.3 },
    edgeAttributes: { fontname: "Helvetica", fontsize: 9, arrowsize: 0.6 },
    nodes: [
      ...inputs.map((value) => terminal(idOf(value), value)),
      ...graph.nodes.map((node) => ({ name: idOf(node), attributes: nodeAttributes(graph, node) })),
      ...graph.outputs.map((value, i) => terminal(`out${i}`, value)),
    ],
    edges,
  };
}

const terminal = (name: string, value: Value) => ({
  name,
  attributes: { class: "terminal", label: `${label(value.name)}\\n${label(printType(value.type))}`, tooltip: label(value.name) },
});

function nodeAttributes(graph: Graph, node: Node): Readonly<Record<string, string>> {
  const weights = node.inputs.filter((v) => v !== null && graph.initializers.has(v) && v.type.shape.length > 0);
  const sizes = weights.map((v) => (v === null ? "" : printShape(v.type.shape))).join(" ");
  const lines = [node.opType, ...(node.name === node.opType ? [] : [node.name]), ...(sizes === "" ? [] : [sizes])];
  return { class: weights.length > 0 ? "weighted" : "plain", label: lines.map(label).join("\\n"), tooltip: label(node.name) };
}

/** Text as Graphviz shows it: its escapes and entities disarmed, control characters dropped, and shortened in the middle. */
function label(text: string): string {
  const clean = Array.from(text, (ch) => (ch < " " || ch === "\u007f" ? "\ufffd" : ch));
  const half = Math.floor(longestText / 2);
  const short = clean.length <= longestText ? clean : [...clean.slice(0, half), "…", ...clean.slice(-half)];
  return short.join("").replaceAll("\\", "\\\\").replaceAll("&", "&amp;");
}
