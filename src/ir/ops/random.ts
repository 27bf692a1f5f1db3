/** Dropout, and the random numbers that drive it. */
import type { GraphBuilder } from "../builder.ts";
import { productOf } from "../dim.ts";
import { formulas } from "../formulas.ts";
import { type Node, printType, type Value } from "../graph.ts";
import { type OpFamily, RuleFault, type UpgradeRule } from "../op-schema.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { counterUniform } from "./counter-uniform.ts";
import { firstOutput } from "./elementwise.ts";
import { oldNumber, renewed } from "./old-forms.ts";
import { optionalOutput } from "./outputs.ts";

/** Whether a Dropout drops: known when its training_mode is a constant or left out, "unknown" when it is computed or fed in. */
export function dropoutMode(node: Node<"Dropout">): "training" | "inference" | "unknown" {
  const mode = optionalInput(node, 2);
  if (mode === null) return "inference";
  const [known] = mode.elements ?? [];
  return known === undefined ? "unknown" : known === 0 ? "inference" : "training";
}
/** The ratio of a Dropout, in the type of its data. */
export function dropoutRatio(b: GraphBuilder, node: Node<"Dropout">): Value {
  const { dtype } = inputAt(node, 0).type;
  const ratio = optionalInput(node, 1);
  return ratio === null ? b.constant(dtype, 0.5) : formulas(b).cast(ratio, dtype);
}

function dropoutGrad(b: GraphBuilder, node: Node<"Dropout">, dy: Value): Value {
  const mode = dropoutMode(node);
  if (mode === "inference") return dy;
  const f = formulas(b);
  const mask = optionalOutput(node.outputs, 1);
  if (mask === null) {
    throw new RuleFault(
      "dropout-without-mask",
      "the gradient needs the mask of a Dropout that drops",
      "ask for its second output, or drop from a counter",
    );
  }
  const kept = f.mul(dy, f.cast(mask, dy.type.dtype));
  const scaled = f.div(kept, f.sub(1, dropoutRatio(b, node)));
  return mode === "training" ? scaled : f.where(inputAt(node, 2), scaled, dy);
}

/** Before opset 12 the ratio was an attribute, and before 7 is_test told the mode; from 7 to 11 Dropout never dropped. */
const upgradeDropout: UpgradeRule = (b, old) => {
  if (old.opset >= 12) return "keep";
  const [data = null] = old.inputs;
  const drops = old.opset < 7 && oldNumber(old, "is_test") !== 1;
  const ratio = b.constant("float32", oldNumber(old, "ratio") ?? 0.5);
  return renewed(b, old, drops ? [data, ratio, b.constant("bool", 1)] : [data, ratio], ["ratio", "is_test", "consumed_inputs"]);
};

/** Random numbers. */
export const randomOps: OpFamily<"CounterUniform" | "Dropout"> = {
  CounterUniform: {
    infer: (call) => {
      const shape = inputAt(call, 0);
      const [rank] = shape.type.shape;
      const sizes = shape.elements ?? (typeof rank === "number" ? Array.from({ length: rank }, () => call.unknown()) : null);
      if (sizes === null) throw new RuleFault("unknown-rank", `the shape is ${printType(shape.type)}, whose length is not known`);
      return [{ dtype: "float32", shape: sizes }];
    },
    evaluate: "none",
    grad: "none",
    lower: (b, node) => [counterUniform(b, node)],
    upgrade: "none",
    flops: (node) => ({ macs: 0, other: productOf([...firstOutput(node).type.shape, 7]) }),
    receptiveField: () => null,
    docs: {
      summary:
        "Uniform random numbers in [0, 1) that depend on seed, step, stream and position alone, so that a run can be resumed exactly.",
      formula: "Y[i] = hash(seed, step, stream, i) / 2^30",
      source:
        "Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011; the mixing is x^3 modulo a prime, as in MiMC, ePrint 2016/492",
    },
  },
  Dropout: {
    infer: (call) => {
      const { dtype, shape } = inputAt(call, 0).type;
      for (const i of [1, 2]) {
        const scalar = optionalInput(call, i);
        if (scalar?.type.shape.some((d) => typeof d === "number" && d !== 1)) {
          throw new RuleFault("shape-mismatch", `${i === 1 ? "ratio" : "training_mode"} is ${printType(scalar.type)}, wanted a scalar`);
        }
      }
      return [
        { dtype, shape },
        { dtype: "bool", shape },
      ];
    },
    evaluate: "none",
    grad: (b, node, [dy]) => [dy === null || dy === undefined ? null : dropoutGrad(b, node, dy), null, null],
    lower: "onnx",
    upgrade: upgradeDropout,
    flops: (node) =>
      dropoutMode(node) === "inference" ? { macs: 0, other: 0 } : { macs: 0, other: productOf([...inputAt(node, 0).type.shape, 2]) },
    receptiveField: (node, index) =>
      index > 0 ? null : inputAt(node, 0).type.shape.map((_, axis) => ({ axis, size: 1, stride: 1, start: 0 })),
    docs: {
      summary: "Drops elements at random and scales the others up while training; the identity otherwise.",
      formula: "Y = mask * X / (1 - ratio), with mask true with probability 1 - ratio",
      source: "Srivastava et al., JMLR 15, 2014; https://onnx.ai/onnx/operators/onnx__Dropout.html",
    },
  },
};
