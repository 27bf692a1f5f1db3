/** Merges neighbours that move, cut, join, pad or convert tensors, and removes pairs that undo each other. */
import { type DType, dtypeFromOnnx, dtypes } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { axisOf } from "../../ir/ops/axes.ts";
import { inputAt, optionalInput } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { knownPads } from "../../ir/ops/pad-rules.ts";
import { reducedAxes, reductions } from "../../ir/ops/reduction-axes.ts";
import { type AxisSlice, firstPosition, slicesOf } from "../../ir/ops/slice-rules.ts";
import { sameShape } from "../../ir/shape.ts";
import { isOneOf, type Pass, type RewriteOutcome, type RewriteRule, rewrite, rewriteRule, skip } from "../rewrite.ts";
import { isSoleReader, otherUse, sameType } from "../sole-use.ts";
import { gatherInOrder } from "./gather-in-order.ts";
import { mergeCuts } from "./merge-cuts.ts";
import { constantReshape, mergeReshapes, reshapeTransposed, transposeReshaped } from "./merge-reshapes.ts";
import { mergeTransposes } from "./merge-transposes.ts";

/** The graph with fewer Transposes, Reshapes, Squeezes, Slices, Pads, Concats, Splits and Casts. Every output keeps its bits. */
export const mergeMovement: Pass = (graph, control) => rewrite(graph, [...rules, ...mergeCuts()], control);

const mergeSlices = rewriteRule("merge-slices", ["Slice"], (node, context): RewriteOutcome => {
  const producer = node.inputs[0]?.producer;
  if (!producer || !isOneOf(producer, ["Slice"])) return "keep";
  const [inner, outer, x] = [slicesOf(producer), slicesOf(node), inputAt(producer, 0)];
  const slices = inner === null || outer === null ? null : composed(inner, outer, x, inputAt(node, 0), outputAt(node.outputs, 0));
  if (slices === null) return skip(`what remains of "${x.name}" depends on sizes that are not known`);
  return (b) => {
    const vector = (pick: (slice: WholeSlice) => number): Value => b.constant("int64", slices.map(pick));
    return [
      b.add(
        "Slice",
        [context.value(x), vector((s) => s.start), vector((s) => s.end), vector((s) => s.axis), vector((s) => s.step)],
        {},
        { name: node.name },
      ),
    ];
  };
});
interface WholeSlice {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}
const whole = ({ axis, start, end, step }: AxisSlice): WholeSlice | null =>
  typeof start === "number" && typeof end === "number" && step !== null ? { axis, start, end, step } : null;
/** Slices of x that give y in one go, where x sliced is `middle`, and that sliced is y. */
function composed(
  inner: readonly AxisSlice[],
  outer: readonly AxisSlice[],
  x: Value,
  middle: Value,
  y: Value,
): readonly WholeSlice[] | null {
  const axes = [...new Set([...inner, ...outer].map(({ axis }) => axis))];
  const all = axes.map((axis): WholeSlice | null => {
    const [first, second] = [inner, outer].map((slices) => slices.find((s) => s.axis === axis));
    if (!first || !second) return whole(first ?? second ?? { axis, start: null, end: null, step: null });
    const [n, m, count] = [x, middle, y].map((v) => v.type.shape[axis] ?? 0);
    const [start, offset] = [firstPosition(n ?? 0, first), firstPosition(m ?? 0, second)];
    if (typeof count !== "number" || start === null || offset === null || first.step === null || second.step === null) return null;
    const [from, step] = [start + offset * first.step, first.step * second.step];
    return step > 0 && Number.isSafeInteger(step) ? { axis, start: from, end: from + count * step, step } : null;
  });
  return all.every((slice) => slice !== null) ? all : null;
}

const mergePads = rewriteRule("merge-pads", ["Pad"], (node, context): RewriteOutcome => {
  const producer = node.inputs[0]?.producer;
  if (!producer || !isOneOf(producer, ["Pad"])) return "keep";
  const [inner, outer, x] = [knownPads(producer), knownPads(node), inputAt(producer, 0)];
  if (inner === null || outer === null) return skip("its pads are not known");
  const [mode, other] = [node.attributes.mode, producer.attributes.mode];
  if (mode !== "constant" || other !== "constant") return skip(`pads of modes "${other}" and "${mode}" do not add up`);
  if ([...inner, ...outer].some(({ begin, end }) => begin < 0 || end < 0)) return skip("what one of them crops, the other may have added");
  if (fillOf(producer) === null || fillOf(producer) !== fillOf(node)) return skip("they pad with different values");
  return (b) => {
    const total = (axis: number, side: "begin" | "end"): number =>
      [...inner, ...outer].reduce((sum, pad) => sum + (pad.axis === axis ? pad[side] : 0), 0);
    const axes = x.type.shape.map((_, axis) => axis);
    const pads = b.constant("int64", [...axes.map((axis) => total(axis, "begin")), ...axes.map((axis) => total(axis, "end"))]);
    const fill = optionalInput(node, 2);
    return [b.add("Pad", [context.value(x), pads, fill === null ? null : context.value(fill)], {}, { name: node.name })];
  };
});
const fillOf = (node: Node<"Pad">): number | null => {
  const fill = optionalInput(node, 2);
  const value = fill === null ? 0 : fill.elements?.[0];
  return typeof value === "number" ? value : null;
};

const mergeCasts = rewriteRule("merge-casts", ["Cast"], (node, context): RewriteOutcome => {
  const producer = node.inputs[0]?.producer;
  if (!producer || !isOneOf(producer, ["Cast"])) return "keep";
  const x = inputAt(producer, 0);
  const [from, through] = [x.type.dtype, dtypeFromOnnx(producer.attributes.to)];
  if (through === undefined) return "keep";
  if (!holdsAll(through, from)) return skip(`${through} does not hold every ${from}`);
  return (b) => [
    sameType(x, outputAt(node.outputs, 0)) ? context.value(x) : b.add("Cast", [context.value(x)], node.attributes, { name: node.name }),
  ];
});
/** Bits of the integers that a type holds exactly, without the sign. */
const integerBits: Readonly<Partial<Record<DType, number>>> = {
  bool: 1,
  uint8: 8,
  uint16: 16,
  uint32: 32,
  uint64: 64,
  int8: 7,
  int16: 15,
  int32: 31,
  int64: 63,
  bfloat16: 8,
  float16: 11,
  float32: 24,
  float64: 53,
};
/** The floating types that hold all numbers of one. */
const widerFloats: Readonly<Partial<Record<DType, readonly DType[]>>> = {
  float16: ["float16", "float32", "float64"],
  bfloat16: ["bfloat16", "float32", "float64"],
  float32: ["float32", "float64"],
  float64: ["float64"],
};
/** True when every number of `inner` is one of `outer`. */
function holdsAll(outer: DType, inner: DType): boolean {
  const [from, to] = [dtypes[inner].kind, dtypes[outer].kind];
  if (from === "float") return widerFloats[inner]?.includes(outer) ?? false;
  const [bits, room] = [integerBits[inner], integerBits[outer]];
  return bits !== undefined && room !== undefined && bits <= room && to !== "bool" ? from !== "int" || to !== "uint" : inner === outer;
}

const mergeConcats = rewriteRule("merge-concats", ["Concat"], (node, context): RewriteOutcome => {
  const axis = axisAlong(node, node.attributes.axis);
  const inner = (v: Value | null): Node<"Concat"> | null => {
    const producer = v?.producer;
    const joins = producer && isOneOf(producer, ["Concat"]) && axisAlong(producer, producer.attributes.axis) === axis;
    return v && joins && isSoleReader(context, v, node) ? producer : null;
  };
  if (!node.inputs.some((v) => inner(v) !== null)) return "keep";
  const parts = node.inputs.flatMap((v) => inner(v)?.inputs ?? [v]);
  return (b) => [
    b.add(
      "Concat",
      parts.map((v) => (v === null ? null : context.value(v))),
      { axis },
      { name: node.name },
    ),
  ];
});
const axisAlong = (node: Node, axis: number): number => axisOf(axis, inputAt(node, 0).type.shape.length);

/** All pieces of a tensor, joined again in their order. */
const joinWhatWasCut = rewriteRule("split-concat", ["Concat"], (node, context): RewriteOutcome => {
  const split = node.inputs[0]?.producer;
  if (!split || !isOneOf(split, ["Split"]) || axisAlong(split, split.attributes.axis) !== axisAlong(node, node.attributes.axis))
    return "keep";
  const pieces = split.outputs;
  if (pieces.length !== node.inputs.length || !pieces.every((piece, i) => piece !== null && piece === node.inputs[i])) return "keep";
  return () => [context.value(inputAt(split, 0))];
});
/** Tensors that were joined, cut where they meet. */
const cutWhatWasJoined = rewriteRule("concat-split", ["Split"], (node, context): RewriteOutcome => {
  const concat = node.inputs[0]?.producer;
  if (!concat || !isOneOf(concat, ["Concat"]) || axisAlong(concat, concat.attributes.axis) !== axisAlong(node, node.attributes.axis))
    return "keep";
  const parts = concat.inputs;
  const meets = parts.length === node.outputs.length && parts.every((part, i) => part !== null && couldBe(part, node.outputs[i]));
  return meets ? () => parts.map((part) => (part === null ? null : context.value(part))) : "keep";
});
const couldBe = (part: Value, output: Value | null | undefined): boolean =>
  output === null || (output !== undefined && sameType(part, output));

/** A reduction whose axes are put back, or that keeps axes which are taken out: its keepdims says the same. */
const keepReducedAxes = rewriteRule("reduction-axes", ["Unsqueeze", "Squeeze", "Reshape"], (node, context): RewriteOutcome => {
  const reduction = node.inputs[0]?.producer;
  if (!reduction || !isOneOf(reduction, reductions)) return "keep";
  const [x, y] = [inputAt(reduction, 0), outputAt(node.outputs, 0)];
  const axes = reducedAxes(reduction);
  if (axes === null) return "keep";
  const keepdims = reduction.attributes.keepdims === 0 ? 1 : 0;
  const wanted = x.type.shape.flatMap((d, axis) => (!axes.includes(axis) ? [d] : keepdims === 1 ? [1] : []));
  if (!sameShape(y.type.shape, wanted)) return "keep";
  const use = otherUse(context, inputAt(node, 0), node);
  if (use !== null) return skip(use);
  return (b) => [
    b.add(
      reduction.opType,
      reduction.inputs.map((v) => (v === null ? null : context.value(v))),
      { ...reduction.attributes, keepdims },
      { name: node.name },
    ),
  ];
});

const rules: readonly RewriteRule[] = [
  mergeTransposes,
  mergeReshapes,
  reshapeTransposed,
  transposeReshaped,
  constantReshape,
  mergeSlices,
  mergePads,
  mergeCasts,
  gatherInOrder,
  joinWhatWasCut,
  mergeConcats,
  cutWhatWasJoined,
  keepReducedAxes,
];
