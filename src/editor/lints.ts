/** Warnings about models that are correct and probably not meant: each with its reason, at the line that should change. */
import type { AnyModel } from "../dsl/index.ts";
import { activationFault } from "../dsl/loss/activation-fault.ts";
import type { Trace } from "../dsl/trace.ts";
import type { Diagnostic, Note } from "../ir/diagnostic.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import type { SourceLocation } from "../ir/location.ts";
import type { OpType } from "../ir/op-types.ts";
import { receptiveField } from "../passes/index.ts";
import { type LayerCall, shownType } from "./layer-report.ts";

/** A traced model. */
export interface Linted {
  readonly graph: Graph;
  readonly trace: Trace;
  readonly calls: readonly LayerCall[];
  readonly model: AnyModel;
}
type Lint = (model: Linted, readers: Readers) => readonly Diagnostic[];
/** The nodes that read a value. */
type Readers = (value: Value) => readonly Node[];

/** All warnings about a model, one for each place. */
export function lint(model: Linted): readonly Diagnostic[] {
  const readers = readersIn(model.graph);
  const found = lints.flatMap((rule) => rule(model, readers));
  // A line in a block that is called often warns once.
  return [...new Map(found.toReversed().map((d) => [`${d.code} ${JSON.stringify(d.location.position)}`, d])).values()].toReversed();
}

function readersIn(graph: Graph): Readers {
  const all = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const value of new Set(node.inputs)) if (value !== null) all.set(value, [...(all.get(value) ?? []), node]);
  }
  return (value) => all.get(value) ?? [];
}
interface Warned {
  readonly code: string;
  readonly text: string;
  readonly help: string;
  readonly notes?: readonly Note[];
}
/** A warning at the call that a node belongs to. */
function warning({ calls }: Linted, node: Node, { code, text, help, notes = [] }: Warned): readonly Diagnostic[] {
  const call = calls.find((c) => c.nodes.includes(node));
  if (call === undefined) return [];
  return [{ severity: "warning", code, message: `${call.label} "${call.name}": ${text}`, location: call.location, notes, help }];
}
const output = (node: Node): Value | null => node.outputs[0] ?? null;
const isOp = (node: Node, ops: readonly OpType[]): boolean => ops.includes(node.opType);
const note = (message: string, location: SourceLocation): Note => ({ message, location });

/** The inputs of an op that are its data, weight and bias. */
const biased: readonly OpType[] = ["Conv", "ConvTranspose", "Gemm"];

/** Batch normalisation subtracts the mean of each channel, and with it any constant that was added before. */
const biasBeforeBatchNorm: Lint = (model, readers) =>
  model.graph.nodes.flatMap((node) => {
    const [y, bias] = [output(node), node.inputs[2]];
    const [reader, second] = y === null ? [] : readers(y);
    if (!isOp(node, biased) || bias === null || bias === undefined || reader?.opType !== "BatchNormalization" || second !== undefined)
      return [];
    return warning(model, node, {
      code: "bias-before-batch-norm",
      text: "its bias has no effect: the batch normalisation behind it subtracts each channel's mean",
      help: "write bias: false",
      notes: [note("the batch normalisation is here", reader.location)],
    });
  });

/** The rows or columns behind the last window that are part of the image: no window ever reads them. */
const borderIsDropped: Lint = (model) =>
  model.graph.nodes.flatMap((node) => {
    const attributes: Readonly<Record<string, unknown>> = { ...node.attributes };
    const [x, y] = [node.inputs[0], output(node)];
    if (!("kernel_shape" in attributes) || "output_padding" in attributes || x === null || x === undefined || y === null) return [];
    const axes = numbers(attributes["kernel_shape"]).length;
    for (let i = 0; i < axes; i++) {
      const dropped = droppedAt(attributes, i, x.type.shape[i + 2], y.type.shape[i + 2]);
      if (dropped <= 0) continue;
      const what = axes === 1 ? "step" : i === 0 ? "row" : "column";
      return warning(model, node, {
        code: "border-dropped",
        text: `its windows never reach the last ${dropped === 1 ? what : `${dropped} ${what}s`} of ${shownType(x.type)}`,
        help: `pad, change the input's size by ${dropped}, or use ceilMode in a pool`,
      });
    }
    return [];
  });
const numbers = (value: unknown): readonly number[] => (Array.isArray(value) ? value.filter((n) => typeof n === "number") : []);
function droppedAt(attributes: Readonly<Record<string, unknown>>, i: number, size: unknown, out: unknown): number {
  const [k = 1, s = 1, d = 1] = [
    numbers(attributes["kernel_shape"])[i],
    numbers(attributes["strides"])[i],
    numbers(attributes["dilations"])[i],
  ];
  const begin = numbers(attributes["pads"])[i] ?? 0;
  // Windows with gaps between them skip pixels on purpose, and those of a dilated kernel have gaps inside.
  if (typeof size !== "number" || typeof out !== "number" || k < s || d > 1) return 0;
  return size - ((out - 1) * s + k - begin);
}

/** Names of outputs that are probabilities on purpose. */
const meantAsProbabilities = /prob|softmax|sigmoid|score|confidence|attention|mask|weight/i;
/**
 * Cross-entropy takes the logarithm of a softmax itself; a second softmax flattens the gradient. Where the model does not name its loss,
 * the first output counts when it is a softmax over classes, `[N, C]`, unless its name says that probabilities are meant.
 */
const softmaxedLogits: Lint = ({ model, ...rest }) => {
  const [first] = rest.graph.outputs;
  const node = first?.producer ?? null;
  if (first === undefined || node === null) return [];
  const assumed = isOp(node, ["Softmax"]) && first.type.shape.length === 2 && !meantAsProbabilities.test(first.name);
  const loss = model.loss ?? (assumed || /logit/i.test(first.name) ? { name: "cross-entropy", takes: "logits" as const } : null);
  const fault = loss === null ? null : activationFault(first, loss);
  if (fault === null) return [];
  const guessed = model.loss === undefined ? '; call the output "probabilities" if it is for inference alone' : "";
  return warning({ model, ...rest }, node, { code: fault.code, text: fault.text, help: `${fault.help ?? ""}${guessed}` });
};

/** Ops behind which the variance that dropout changes is still there. */
const passesVariance: readonly OpType[] = [
  "Conv",
  "Gemm",
  "MatMul",
  "Add",
  "Relu",
  "LeakyRelu",
  "Elu",
  "Gelu",
  "HardSwish",
  "Clip",
  "Flatten",
  "Reshape",
  "AveragePool",
  "MaxPool",
];

/** While it trains, dropout raises the variance that batch normalisation keeps for inference (Li et al. 2019, arXiv:1801.05134). */
const dropoutBeforeBatchNorm: Lint = (model, readers) =>
  model.graph.nodes.flatMap((node) => {
    if (!isOp(node, ["Dropout"]) || node.inputs[1]?.elements?.[0] === 0) return [];
    const found = firstBatchNorm(node, readers);
    if (found === null) return [];
    return warning(model, node, {
      code: "dropout-before-batch-norm",
      text: "the batch normalisation behind it keeps the variance of training, which dropout has changed, for inference",
      help: "put the dropout behind the last batch normalisation",
      notes: [note("the batch normalisation is here", found.location)],
    });
  });
function firstBatchNorm(from: Node, readers: Readers): Node | null {
  const seen = new Set<Node>();
  const open = [from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const value of node.outputs) {
      for (const reader of value === null ? [] : readers(value)) {
        if (reader.opType === "BatchNormalization") return reader;
        if (!seen.has(reader) && isOp(reader, passesVariance)) open.push(reader);
        seen.add(reader);
      }
    }
  }
  return null;
}

/** A layer whose result nobody uses; what it reads is told with it, not on its own. */
const unusedLayer: Lint = (model, readers) => {
  const outputs = new Set<Value>(model.graph.outputs);
  const isRead = (call: LayerCall): boolean =>
    call.nodes.some((node) =>
      node.outputs.some((v) => v !== null && (outputs.has(v) || readers(v).some((reader) => !call.nodes.includes(reader)))),
    );
  return model.calls.flatMap((call) => {
    const [node] = call.nodes;
    if (node === undefined || isRead(call)) return [];
    return warning(model, node, {
      code: "unused-layer",
      text: "no output of the model depends on it",
      help: "return what it computes, or remove it",
    });
  });
};

/** A map whose positions see less than the objects they are to find. */
const smallField: Lint = ({ graph, trace, calls, model }) => {
  const wanted = model.objectSize;
  const last = calls.findLast((call) => call.output.type.shape.length === 4);
  if (wanted === undefined || last === undefined) return [];
  const fields = trace.inputs.map((input) => receptiveField(graph, last.output, input)).find((f) => f !== null) ?? [];
  const sizes = fields.flatMap((f) => (f.kind === "window" ? [f.size] : []));
  const least = Math.min(...sizes);
  if (sizes.length === 0 || least >= wanted) return [];
  const message = `${last.label} "${last.name}": a position of the last map sees ${least} pixels, but objectSize is ${wanted}`;
  const help = "add layers, strides or dilation, or make objectSize smaller";
  return [
    {
      severity: "warning",
      code: "small-receptive-field",
      message,
      location: last.location,
      notes: [note("the model is defined here", model.location)],
      help,
    },
  ];
};

const lints: readonly Lint[] = [biasBeforeBatchNorm, borderIsDropped, softmaxedLogits, dropoutBeforeBatchNorm, unusedLayer, smallField];
