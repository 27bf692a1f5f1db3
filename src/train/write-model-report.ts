/** The report of a model, from the model itself. */
import { writeFileAtomically } from "../codegen/atomic-file.ts";
import { buildInference, type Compilable, type CompileOptions, sourceOf } from "../compile/index.ts";
import { loadImage } from "../data/index.ts";
import { type Dim, substitute } from "../ir/dim.ts";
import type { Graph, Node } from "../ir/graph.ts";
import { cost, weightBytes } from "../passes/index.ts";
import { byteText as bytes, grouped } from "../report/html.ts";
import type { ModelReport, NodeFigures, SizeChange } from "../report/index.ts";
import { fieldBoxes } from "./field-boxes.ts";
import { passRows } from "./pass-rows.ts";
import { type ModelSummary, summarize } from "./summarize.ts";

/** What a report is made of. */
export interface ModelToReport {
  readonly model: Compilable;
  /** How it is compiled: shapes, weights, passes. */
  readonly options?: CompileOptions;
  /** One line: the file, the options. */
  readonly subtitle: string;
  /** The picture below receptive fields: an image file, or one of ours when absent. */
  readonly image?: string;
  /** The values whose receptive fields are drawn; the last of each size when absent. */
  readonly values?: readonly string[];
  readonly footer: string;
}

/** Writes the report of a model as one HTML file, whole or not at all. Throws a CompileError on a fault of the model, or an image that cannot be read. */
export async function writeModelReport(path: string, report: ModelToReport): Promise<void> {
  // Charts and pictures are loaded by those who want a report alone.
  const { renderModelReport } = await import("../report/index.ts");
  const page = await renderModelReport(await reportOf(report));
  await writeFileAtomically(path, [new TextEncoder().encode(page)]);
}

async function reportOf({ model, options = {}, subtitle, image, values = [], footer }: ModelToReport): Promise<ModelReport> {
  const source = sourceOf(model, options.shapes);
  const summary = summarize(source);
  const built = buildInference(model, options);
  const boxes = fieldBoxes(source.graph, source.inputs, values);
  const [before, after] = [costsOf(built.source), costsOf(built.graph)];
  const figures = new Map([...before.figures, ...after.figures]);
  return {
    title: summary.name,
    subtitle,
    figures: figuresOf(summary, built.source),
    layers: summary.rows,
    before: built.source,
    after: built.graph,
    figuresOf: (node) => figures.get(node) ?? null,
    fields: boxes === null ? null : { ...boxes, picture: image === undefined ? null : await pictureOf(image, boxes.width, boxes.height) },
    passes: passRows(built.report),
    sizes: sizesOf(built.source, built.graph, before.macs, after.macs),
    footer,
  };
}

function figuresOf(summary: ModelSummary, graph: Graph): ModelReport["figures"] {
  const last = summary.rows.findLast(({ fields }) => fields !== null && fields.length > 0 && fields.every((f) => f.kind === "window"));
  return [
    { label: "parameters", value: grouped(summary.parameters) },
    { label: summary.perImage ? "MACs per image" : "MACs", value: grouped(summary.macs) },
    { label: "weights", value: bytes(weightBytes(graph)) },
    ...(summary.activationBytes === null ? [] : [{ label: "peak activations", value: bytes(summary.activationBytes) }]),
    { label: "nodes", value: grouped(graph.nodes.length) },
    ...(last === undefined ? [] : [{ label: "receptive field", value: last.receptiveField.split(",")[0] ?? "" }]),
  ];
}

/** Each node's cost for one image, where the batch is the only symbol. */
function costsOf(graph: Graph): { readonly figures: ReadonlyMap<Node, NodeFigures>; readonly macs: Dim } {
  const batch = graph.inputs[0]?.type.shape[0];
  const one = new Map<string, Dim>(typeof batch === "string" ? [[batch, 1]] : []);
  const { nodes, macs } = cost(graph);
  const figures = new Map<Node, NodeFigures>();
  for (const { node, parameters, macs } of nodes) {
    const each = substitute(macs, one);
    if (typeof each === "number" && typeof parameters === "number") figures.set(node, { parameters, macs: each });
  }
  return { figures, macs: substitute(macs, one) };
}

function sizesOf(before: Graph, after: Graph, macsBefore: Dim, macsAfter: Dim): readonly SizeChange[] {
  const opsOf = (graph: Graph): ReadonlyMap<string, number> => {
    const counts = new Map<string, number>();
    for (const { opType } of graph.nodes) counts.set(opType, (counts.get(opType) ?? 0) + 1);
    return counts;
  };
  const [was, is] = [opsOf(before), opsOf(after)];
  const ops = [...was.keys(), ...is.keys()].filter((op, i, all) => all.indexOf(op) === i && was.get(op) !== is.get(op));
  return [
    { what: "nodes", before: grouped(before.nodes.length), after: grouped(after.nodes.length) },
    { what: "MACs", before: grouped(macsBefore), after: grouped(macsAfter) },
    { what: "weights", before: bytes(weightBytes(before)), after: bytes(weightBytes(after)) },
    ...ops.map((op) => ({ what: op, before: grouped(was.get(op) ?? 0), after: grouped(is.get(op) ?? 0) })),
  ];
}

/** Of small inputs the picture has several pixels for each of theirs: it is looked at, not computed with. */
const smallestPicture = 512;
async function pictureOf(path: string, width: number, height: number) {
  const scale = Math.max(1, Math.round(smallestPicture / Math.max(width, height)));
  const size = { width: width * scale, height: height * scale, channels: 3 } as const;
  const { data } = await loadImage(path, size);
  return data instanceof Uint8Array ? { ...size, pixels: data } : null;
}
