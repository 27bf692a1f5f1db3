/** The gradients of Pad, and its modes as slices put together. */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { type KnownPad, knownPads, type PadMode, padRuns, type Run } from "./pad-rules.ts";
import { reshapeLike } from "./reshape-like.ts";
import { unslice } from "./slice-gradient.ts";

/** (dX, dvalue) of Pad in constant mode: dX = dY cropped by the pads; dvalue = sum(dY) - sum(dX), what fell outside. */
export function constantPadGrad(b: GraphBuilder, node: Node<"Pad">, dy: Value, wanted: readonly boolean[]): readonly (Value | null)[] {
  const f = formulas(b);
  const [pads, fill] = [inputAt(node, 1), optionalInput(node, 2)];
  const opposite =
    pads.elements?.every((e) => typeof e === "number") === true
      ? b.constant(
          "int64",
          pads.elements.map((e) => -Number(e)),
        )
      : f.neg(pads);
  const dx = b.add("Pad", [dy, opposite, null, optionalInput(node, 3)]);
  const outside = fill !== null && wanted[2] === true ? reshapeLike(b, f.sub(f.reduceSum(dy), f.reduceSum(dx)), fill) : null;
  return node.inputs.map((_, i) => (i === 0 ? dx : i === 2 ? outside : null));
}

/** The paddings of a node whose rule needs them known. */
function requiredPads(node: Node<"Pad">): readonly KnownPad[] {
  const pads = knownPads(node);
  if (pads === null)
    throw new RuleFault(
      "unknown-contents",
      `the pads of mode "${node.attributes.mode}" have to be known when the graph is built`,
      "make them a constant",
    );
  return pads;
}
type Side = "crop" | "grow";
/** The part of some paddings that crops, or that grows; axes without it are left out. */
function only(side: Side, pads: readonly KnownPad[]): readonly KnownPad[] {
  const part = (n: number): number => (side === "crop" ? Math.min(n, 0) : Math.max(n, 0));
  return pads
    .map(({ axis, begin, end }) => ({ axis, begin: part(begin), end: part(end) }))
    .filter(({ begin, end }) => begin !== 0 || end !== 0);
}
/** x with zeros around it, or cropped where the pads are negative. */
function padded(b: GraphBuilder, x: Value, pads: readonly KnownPad[], sign: 1 | -1 = 1): Value {
  if (pads.length === 0) return x;
  const amounts = [...pads.map(({ begin }) => sign * begin), ...pads.map(({ end }) => sign * end)];
  return b.add("Pad", [
    x,
    b.constant("int64", amounts),
    null,
    b.constant(
      "int64",
      pads.map(({ axis }) => axis),
    ),
  ]);
}

/** dX of Pad in the other modes, axis by axis: every run of the padded axis goes back to the positions that it was read from. */
export function repeatedPadGrad(b: GraphBuilder, node: Node<"Pad">, mode: Exclude<PadMode, "constant">, dy: Value): Value {
  const pads = requiredPads(node);
  const crops = only("crop", pads);
  const x = padded(b, inputAt(node, 0), crops);
  const dx = only("grow", pads).reduceRight((grad, pad) => {
    const runs = padRuns(mode, x.type.shape[pad.axis] ?? 1, pad);
    const whole = runs.findIndex((run) => run.count === null);
    const terms = runs.map((run, i) => backToRun(b, slab(b, grad, pad.axis, runs, i, whole), x, pad.axis, run));
    return formulas(b).total(terms);
  }, dy);
  return padded(b, dx, crops, -1);
}
const lengthOf = (runs: readonly Run[]): number => runs.reduce((n, run) => n + (run.count ?? 0), 0);
/** The part of a padded axis that run i fills; behind the run that is as long as the axis, positions count from the end. */
function slab(b: GraphBuilder, x: Value, axis: number, runs: readonly Run[], i: number, whole: number): Value {
  const fromEnd = whole >= 0 && i > whole;
  const start = fromEnd ? -lengthOf(runs.slice(i)) : lengthOf(runs.slice(0, i));
  const rest = lengthOf(runs.slice(i + 1));
  const end = rest === 0 ? Number.POSITIVE_INFINITY : whole >= 0 && i >= whole ? -rest : lengthOf(runs.slice(0, i + 1));
  return sliceAlong(b, x, axis, start, end, 1);
}
const sliceAlong = (b: GraphBuilder, x: Value, axis: number, start: number, end: number, step: number): Value => {
  const vector = (n: number): Value => b.constant("int64", [n]);
  return start === 0 && end === Number.POSITIVE_INFINITY && step === 1
    ? x
    : b.add("Slice", [x, vector(start), vector(end), vector(axis), vector(step)]);
};
function backToRun(b: GraphBuilder, part: Value, x: Value, axis: number, { start, step, count }: Run): Value {
  if (count === null) return part;
  const sum = step === 0 ? formulas(b).reduceSum(part, [axis], true) : part;
  return unslice(b, sum, x, { axes: [axis], starts: b.constant("int64", [start]), steps: [step === 0 ? 1 : step] });
}

/** Pad in a mode other than constant as slices of the input, joined: for targets whose Pad lacks the mode. */
export function padAsConcat(b: GraphBuilder, node: Node<"Pad">, mode: Exclude<PadMode, "constant">): Value {
  const pads = requiredPads(node);
  return only("grow", pads).reduce(
    (x, pad) => {
      const runs = padRuns(mode, x.type.shape[pad.axis] ?? 1, pad);
      return b.add(
        "Concat",
        runs.map((run) => runOf(b, x, pad.axis, run)),
        { axis: pad.axis },
      );
    },
    padded(b, inputAt(node, 0), only("crop", pads)),
  );
}
function runOf(b: GraphBuilder, x: Value, axis: number, { start, step, count }: Run): Value {
  if (count === null) return x;
  if (step === 0)
    return b.add(
      "Gather",
      [
        x,
        b.constant(
          "int64",
          Array.from({ length: count }, () => start),
        ),
      ],
      { axis },
    );
  const end = start + step * count;
  // The end of a run that leaves the axis on the other side is none: a bound of -1 or 0 would count from the end.
  const open = start >= 0 !== end >= 0 || (start < 0 && end === 0);
  return sliceAlong(b, x, axis, start, open ? step * Number.POSITIVE_INFINITY : end, step);
}
