/** Merges parallel convolutions whose results are added into one: the re-parameterisation of RepVGG (arXiv:2101.03697) and its kind. */
import type { Node, Value } from "../../ir/graph.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { tensorFrom } from "../../ir/tensor-data.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, type Skip, skip } from "../rewrite.ts";
import { otherUse, sameType } from "../sole-use.ts";
import { elementsOf } from "../tensor-elements.ts";
import { batchNormAffine } from "./batch-norm-affine.ts";

/**
 * The graph with sums of convolutions of one tensor as one convolution: each kernel is laid over the largest one. A batch norm of that
 * tensor, and the tensor itself, are convolutions of one tap. Weights are added in float64 and rounded once.
 */
export const mergeBranches: Pass = (graph, control) => rewrite(graph, [rewriteRule("merge-branches", ["Add", "Sum"], merge)], control);

/** A linear function of a window of x. */
interface Branch {
  readonly x: Value;
  readonly kernel: readonly number[];
  /** The padding before each axis. */
  readonly begin: readonly number[];
  readonly outputs: number;
  /** Input channels of a group; null for a branch that fits any groups. */
  readonly perGroup: number | null;
  /** Null for a branch of one tap that is no convolution. */
  readonly conv: Node<"Conv"> | null;
  /** The weight of output channel m for input channel c of its group and a tap, the taps flat. */
  weight(m: number, c: number, tap: number): number;
  bias(m: number): number;
}
/** A branch that is a convolution. */
interface Convolution extends Branch {
  readonly perGroup: number;
  readonly conv: Node<"Conv">;
}
const isConvolution = (branch: Branch): branch is Convolution => branch.conv !== null && branch.perGroup !== null;

function merge(node: Node<"Add" | "Sum">, context: RewriteContext): RewriteOutcome {
  const branches = branchesOf(node, context);
  if (branches === null) return "keep";
  const refusal = branches.find(isSkip);
  if (refusal !== undefined) return refusal;
  const known = branches.filter((branch): branch is Branch => !isSkip(branch));
  const largest = known.filter(isConvolution).reduce((most, branch) => (count(branch.kernel) > count(most.kernel) ? branch : most));
  const misfit = known.map((branch) => misfitOf(branch, largest)).find((reason) => reason !== null);
  if (misfit !== undefined && misfit !== null) return skip(misfit);
  return (b) => {
    const { values, bias } = laidOver(known, largest);
    const { dtype } = largest.x.type;
    const weight = b.tensor(
      `${node.name}.weight.merged`,
      tensorFrom(dtype, [largest.outputs, largest.perGroup, ...largest.kernel], values),
    );
    const inputs = [context.value(largest.x), weight, b.tensor(`${node.name}.bias.merged`, tensorFrom(dtype, [bias.length], bias))];
    return [b.add("Conv", inputs, largest.conv.attributes, { name: node.name })];
  };
}
const isSkip = (branch: Branch | Skip): branch is Skip => "skip" in branch;

/** The addends as functions of one tensor, one convolution at least among them; null where they are something else. */
function branchesOf(node: Node<"Add" | "Sum">, context: RewriteContext): readonly (Branch | Skip)[] | null {
  const conv = node.inputs.map((v) => v?.producer ?? null).find((producer) => producer !== null && isOneOf(producer, ["Conv"]));
  const [x, w] = conv?.inputs ?? [];
  const [y, inputs] = [outputAt(node.outputs, 0), node.inputs.filter((v) => v !== null)];
  if (!x || inputs.length < 2 || !inputs.every((v) => isBranchOf(v, x) && sameType(v, y))) return null;
  const perGroup = w?.type.shape[1];
  return inputs.map((v) => branchOf(v, x, node, typeof perGroup === "number" ? perGroup : null, context));
}
const count = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);

/** True for x, and for a convolution or a batch norm of it. */
function isBranchOf(value: Value, x: Value): boolean {
  const { producer } = value;
  return value === x || (producer !== null && isOneOf(producer, ["Conv", "BatchNormalization"]) && producer.inputs[0] === x);
}
function branchOf(value: Value, x: Value, reader: Node, perGroup: number | null, context: RewriteContext): Branch | Skip {
  const { producer } = value;
  const use = value === x ? null : otherUse(context, value, reader);
  if (use !== null) return skip(use);
  if (value !== x && producer !== null && isOneOf(producer, ["Conv"])) return convolution(producer, x, context);
  const affine =
    producer !== null && value !== x && isOneOf(producer, ["BatchNormalization"]) ? batchNormAffine(producer, context.contents) : null;
  if (value !== x && affine === null) return skip(`the statistics, scale or bias of "${value.name}" are not constant`);
  const [, channels, ...spatial] = x.type.shape;
  if (typeof channels !== "number" || perGroup === null) return skip(`the number of channels of "${x.name}" is not known`);
  return {
    x,
    kernel: spatial.map(() => 1),
    begin: spatial.map(() => 0),
    outputs: channels,
    perGroup: null,
    conv: null,
    weight: (m, c) => (c === m % perGroup ? (affine?.factor[m] ?? 1) : 0),
    bias: (m) => affine?.shift[m] ?? 0,
  };
}
function convolution(node: Node<"Conv">, x: Value, context: RewriteContext): Convolution | Skip {
  const [, w, c] = node.inputs;
  const [weight, bias] = [w ? context.contents(w) : null, c ? context.contents(c) : null];
  if (weight === null || (c && bias === null)) return skip(`the weight or bias of Conv "${node.name}" is not constant`);
  const [numbers, added] = [elementsOf(weight), bias === null ? null : elementsOf(bias)];
  const [outputs = 0, perGroup = 0, ...kernel] = weight.shape;
  const { auto_pad, pads } = node.attributes;
  if (auto_pad.startsWith("SAME")) return skip(`the padding of Conv "${node.name}" is not written out`);
  const taps = count(kernel);
  return {
    x,
    kernel,
    begin: kernel.map((_, i) => (auto_pad === "VALID" ? 0 : (pads?.[i] ?? 0))),
    outputs,
    perGroup,
    conv: node,
    weight: (m, channel, tap) => numbers[(m * perGroup + channel) * taps + tap] ?? 0,
    bias: (m) => added?.[m] ?? 0,
  };
}

/** Why a branch's taps are not among those of the largest kernel; null where they are. */
function misfitOf(branch: Branch, largest: Convolution): string | null {
  const name = branch.conv === null ? "the branch without weights" : `Conv "${branch.conv.name}"`;
  if (branch.perGroup !== null && branch.perGroup !== largest.perGroup) return `${name} has other groups`;
  const [own, other] = [steps(branch), steps(largest)];
  if (own.strides.join() !== other.strides.join()) return `${name} has other strides`;
  if (branch.kernel.some((k, i) => k > 1 && own.dilations[i] !== other.dilations[i])) return `${name} has other dilations`;
  const fits = branch.kernel.every((k, i) => {
    const offset = offsetOf(branch, largest, i);
    return Number.isInteger(offset) && offset >= 0 && offset + k <= (largest.kernel[i] ?? 0);
  });
  return fits ? null : `the window of ${name} is not inside of the largest one`;
}
const steps = ({ conv, kernel }: Branch): { readonly strides: readonly number[]; readonly dilations: readonly number[] } => ({
  strides: conv?.attributes.strides ?? kernel.map(() => 1),
  dilations: conv?.attributes.dilations ?? kernel.map(() => 1),
});
/** Which tap of the largest kernel is a branch's first along an axis. */
const offsetOf = (branch: Branch, largest: Convolution, axis: number): number =>
  ((largest.begin[axis] ?? 0) - (branch.begin[axis] ?? 0)) / (steps(largest).dilations[axis] ?? 1);

/** The sum of all branches' weights in the form of the largest one's, and of their biases. */
function laidOver(branches: readonly Branch[], largest: Convolution): { readonly values: Float64Array; readonly bias: readonly number[] } {
  const [taps, perGroup] = [count(largest.kernel), largest.perGroup];
  const values = new Float64Array(largest.outputs * perGroup * taps);
  for (const branch of branches) {
    const places = placesOf(branch, largest);
    for (let m = 0, start = 0; m < largest.outputs; m++) {
      for (let c = 0; c < perGroup; c++, start += taps) {
        for (let tap = 0; tap < places.length; tap++) {
          const at = start + (places[tap] ?? 0);
          values[at] = (values[at] ?? 0) + branch.weight(m, c, tap);
        }
      }
    }
  }
  const bias = Array.from({ length: largest.outputs }, (_, m) => branches.reduce((sum, branch) => sum + branch.bias(m), 0));
  return { values, bias };
}
/** The flat tap of the largest kernel on which each tap of a branch lies. */
function placesOf(branch: Branch, largest: Convolution): readonly number[] {
  return Array.from({ length: count(branch.kernel) }, (_, tap) => {
    let [rest, place, step] = [tap, 0, 1];
    for (let i = branch.kernel.length - 1; i >= 0; i--) {
      const k = branch.kernel[i] ?? 1;
      place += ((rest % k) + offsetOf(branch, largest, i)) * step;
      rest = Math.floor(rest / k);
      step *= largest.kernel[i] ?? 1;
    }
    return place;
  });
}
