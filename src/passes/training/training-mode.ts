/** Turns a graph that infers into one that trains: batch statistics in place of running ones, and dropout that drops. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { productOf } from "../../ir/dim.ts";
import type { DType } from "../../ir/dtype.ts";
import { formulas, type Operand, shapeValue } from "../../ir/formulas.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { inputAt, optionalInput } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { type Replacement, type RewriteContext, type RewriteRule, rewrite, rewriteRule } from "../rewrite.ts";

/** A graph in training mode. */
export interface TrainingGraph {
  readonly graph: Graph;
  /** The next value of each running statistic: an input or initializer of the graph to a value of it (which is no output yet). */
  readonly updates: ReadonlyMap<Value, Value>;
  /** True when the graph has gained the int64 scalars `seed` and `step` as inputs, which drive dropout. */
  readonly usesSeed: boolean;
}
/** What stays as it is. */
export interface TrainingModeOptions {
  /** True for the nodes that keep inferring: a frozen batch norm, say. None when absent. */
  readonly keepInference?: (node: Node) => boolean;
}

type Replaced = ReturnType<Replacement>;
/** What the rules gather while they walk. */
interface State {
  /** The newest value of each running statistic: one that two nodes share is updated twice, in order. */
  readonly updates: Map<Value, Value>;
  streams: number;
  counter: { readonly seed: Value; readonly step: Value } | null;
  readonly keepInference: (node: Node) => boolean;
}

/** The graph in training mode; any graph will do, traced or read from a file. */
export function toTraining(graph: Graph, { keepInference = () => false }: TrainingModeOptions = {}): TrainingGraph {
  const state: State = { updates: new Map(), streams: 0, counter: null, keepInference };
  const result = rewrite(graph, [batchNormalization(state), dropout(state)]);
  return { graph: result.graph, updates: state.updates, usesSeed: state.counter !== null };
}

const batchNormalization = (state: State): RewriteRule =>
  rewriteRule("batch-statistics", ["BatchNormalization"], (node, context) =>
    node.attributes.training_mode !== 0 || state.keepInference(node) ? "keep" : (b) => withBatchStatistics(b, node, context, state),
  );

/**
 * y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + B over all axes but 1, and PyTorch's running statistics:
 * running = momentum * running + (1 - momentum) * batch, where momentum is ONNX's and the variance is the unbiased one, times n / (n - 1).
 */
function withBatchStatistics(b: GraphBuilder, node: Node<"BatchNormalization">, context: RewriteContext, state: State): Replaced {
  const input = (index: number): Value => context.value(inputAt(node, index));
  const x = input(0);
  const { epsilon, momentum } = node.attributes;
  const f = formulas(b);
  const { dtype } = x.type;
  const outputs = b.addMany("BatchNormalizationTraining", [x, f.cast(input(1), dtype), f.cast(input(2), dtype)], { epsilon }, 4);
  const follow = (running: Value, batch: Value, weight: Operand): void => {
    if (running.producer !== null) return;
    const next = f.add(f.mul(state.updates.get(running) ?? running, momentum), f.mul(f.cast(batch, running.type.dtype), weight));
    state.updates.set(running, next);
  };
  const [runningMean, runningVariance] = [input(3), input(4)];
  follow(runningMean, outputAt(outputs, 1), 1 - momentum);
  follow(runningVariance, outputAt(outputs, 2), scaled(b, unbiased(b, x, runningVariance.type.dtype), 1 - momentum));
  return [outputAt(outputs, 0)];
}
const scaled = (b: GraphBuilder, factor: Operand, by: number): Operand =>
  typeof factor === "number" ? factor * by : formulas(b).mul(factor, by);

/** n / (n - 1), where n is the number of elements of x per channel; 1 for n = 1, whose variance is 0. */
function unbiased(b: GraphBuilder, x: Value, dtype: DType): Operand {
  const axes = x.type.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const n = productOf(axes.map((axis) => x.type.shape[axis] ?? 1));
  if (typeof n === "number") return n / Math.max(n - 1, 1);
  const f = formulas(b);
  const sizes = b.add("Gather", [shapeValue(b, x), b.constant("int64", axes)], { axis: 0 });
  // In float32, since a count soon passes what float16 holds.
  const count = f.cast(b.add("ReduceProd", [sizes], { keepdims: 0 }), "float32");
  return f.cast(f.div(count, f.max(f.sub(count, 1), 1)), dtype);
}

const dropout = (state: State): RewriteRule =>
  rewriteRule("dropout", ["Dropout"], (node, context) => (state.keepInference(node) ? "keep" : (b) => withMask(b, node, context, state)));

/** y = x * mask / (1 - ratio), where the mask is drawn from (seed, step, which dropout, position): the same for the same step. */
function withMask(b: GraphBuilder, node: Node<"Dropout">, context: RewriteContext, state: State): Replaced {
  const x = context.value(inputAt(node, 0));
  const given = optionalInput(node, 1);
  const ratio = given === null ? null : context.value(given);
  const known = ratio === null ? 0.5 : ratio.elements?.[0];
  const wantsMask = node.outputs[1] !== null && node.outputs[1] !== undefined;
  // Every dropout counts, also one that drops nothing now: the others' numbers must not depend on its ratio.
  const stream = state.streams++;
  if (known === 0 && !wantsMask) return [x];
  const f = formulas(b);
  const { seed, step } = counterOf(b, state);
  const uniform = b.add("CounterUniform", [shapeValue(b, x), seed, step], { stream });
  const threshold: Operand = typeof known === "number" || !ratio ? Number(known ?? 0.5) : f.cast(ratio, "float32");
  const keep = f.not(f.less(uniform, threshold));
  const factor = typeof threshold === "number" ? keepFactor(threshold) : f.div(1, f.sub(1, threshold));
  const { dtype } = x.type;
  const lifted = typeof factor === "number" ? b.constant(dtype, factor) : f.cast(factor, dtype);
  return [f.mul(x, f.where(keep, lifted, 0)), keep];
}
/** 1 / (1 - ratio); 0 where everything is dropped. */
const keepFactor = (ratio: number): number => (ratio >= 1 ? 0 : 1 / (1 - ratio));

function counterOf(b: GraphBuilder, state: State): { readonly seed: Value; readonly step: Value } {
  const scalar = (name: string): Value => b.input(name, { dtype: "int64", shape: [] });
  state.counter ??= { seed: scalar("seed"), step: scalar("step") };
  return state.counter;
}
