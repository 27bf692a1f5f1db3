/** Losses over classes: axis 1 of the prediction is the classes, `float[N, C, ...]`; targets are class numbers or distributions. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { formulas } from "../../ir/formulas.ts";
import type { TensorType, Value } from "../../ir/graph.ts";
import { RuleFault } from "../../ir/op-schema.ts";
import { printShape } from "../../ir/shape.ts";
import type { LabelRange, Loss, LossOutputs, Reduction } from "./loss.ts";

/** Options of `crossEntropy` and `nll`. */
export interface ClassificationOptions {
  /** A weight per class. */
  readonly weight?: readonly number[] | undefined;
  /** Targets of this class number count for nothing; -100 unless given. */
  readonly ignoreIndex?: number;
  readonly reduction?: Reduction;
}
/** Options of `crossEntropy`. */
export interface CrossEntropyOptions<T extends "classes" | "probabilities" = "classes" | "probabilities"> extends ClassificationOptions {
  /** The share of the target that is spread evenly over all classes. */
  readonly labelSmoothing?: number;
  /** "classes" for int64 class numbers `[N, ...]`, "probabilities" for distributions of the prediction's shape. */
  readonly targets?: T;
}

/** Cross-entropy of logits `float[N, C, ...]`, as torch.nn.CrossEntropyLoss; per pixel when there are more axes. */
export function crossEntropy<T extends "classes" | "probabilities" = "classes">(
  options: CrossEntropyOptions<T> = {},
): Loss<T extends "classes" ? "classes" : "values"> {
  const { labelSmoothing = 0, targets = "classes" } = options;
  return {
    name: "cross-entropy",
    target: (x) => (targets === "probabilities" ? { dtype: x.dtype, shape: classesFirst(x).shape } : classTarget(x)),
    takes: "logits",
    labels: targets === "probabilities" ? "none" : labelsOf(options),
    build(b, logits, target) {
      const logProbabilities = b.add("LogSoftmax", [logits], { axis: 1 });
      if (targets === "probabilities") return { loss: softTargetLoss(b, logProbabilities, target, options), metrics: {} };
      return classLoss(b, logProbabilities, target, options, labelSmoothing);
    },
  };
}

/** Negative log likelihood of log-probabilities `float[N, C, ...]`, as torch.nn.NLLLoss. */
export function nll(options: ClassificationOptions = {}): Loss<"classes"> {
  return {
    name: "nll",
    target: classTarget,
    takes: "log-probabilities",
    labels: labelsOf(options),
    build: (b, x, target) => classLoss(b, x, target, options, 0),
  };
}

const labelsOf =
  ({ ignoreIndex = -100 }: ClassificationOptions) =>
  (x: TensorType): LabelRange => ({ classes: classCount(x), ignore: ignoreIndex });

/** -sum_c w_c q_c log p_c with q = (1 - s) target + s / C, divided by the number of positions. */
function softTargetLoss(
  b: GraphBuilder,
  logP: Value,
  target: Value,
  { weight, labelSmoothing = 0, reduction = "mean" }: CrossEntropyOptions,
): Value {
  const { add, mul, neg, reduceSum, div } = formulas(b);
  const classes = classCount(logP.type);
  const smooth = labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / classes);
  const q = weight === undefined ? smooth : mul(smooth, perClass(b, logP.type, weight));
  const total = neg(reduceSum(mul(q, logP)));
  if (reduction === "sum") return total;
  return div(total, div(elementCountOf(b, logP), classes));
}

/**
 * -sum_i sum_c q_ic log p_ic / sum_i w_{y_i} over the positions that are not ignored,
 * with q_ic = w_c ((1 - s) [c = y_i] + s / C): PyTorch's weighted mean, smoothing included.
 */
function classLoss(b: GraphBuilder, logP: Value, target: Value, options: ClassificationOptions, smoothing: number): LossOutputs {
  const { weight, ignoreIndex = -100, reduction = "mean" } = options;
  const { add, mul, neg, div, reduceSum, equal, not, cast } = formulas(b);
  const { dtype } = logP.type;
  const classes = classCount(logP.type);
  const valid = not(equal(target, ignoreIndex));
  const validHere = b.add("Unsqueeze", [cast(valid, dtype), b.constant("int64", [1])]);
  // Ignored class numbers may count from the end for OneHot, so they are masked whatever they select.
  const selected = mul(oneHot(b, target, classes, dtype), validHere);
  const weights = weight === undefined ? undefined : perClass(b, logP.type, weight);
  const weighted = weights === undefined ? selected : mul(selected, weights);
  const spread = weights === undefined ? validHere : mul(validHere, weights);
  const q = smoothing === 0 ? weighted : add(mul(weighted, 1 - smoothing), mul(spread, smoothing / classes));
  const total = neg(reduceSum(mul(q, logP)));
  const loss = reduction === "sum" ? total : div(total, reduceSum(weighted));
  return { loss, metrics: { correct: correctCount(b, logP, target, valid) } };
}

/** How many positions have their largest logit at the target's class, as int64. */
function correctCount(b: GraphBuilder, logP: Value, target: Value, valid: Value): Value {
  const { equal, reduceSum, cast } = formulas(b);
  const predicted = b.add("ArgMax", [logP], { axis: 1, keepdims: 0 });
  return reduceSum(cast(b.add("And", [equal(predicted, target), valid]), "int64"));
}

/** 1 at the class of each position and 0 elsewhere, with the classes on axis 1. */
export function oneHot(b: GraphBuilder, target: Value, classes: number, dtype: TensorType["dtype"]): Value {
  return b.add("OneHot", [target, b.constant("int64", classes), b.constant(dtype, [0, 1])], { axis: 1 });
}

/** The class-number target of a prediction `float[N, C, ...]`: `int64[N, ...]`. */
export function classTarget(x: TensorType): TensorType {
  const [n, , ...rest] = classesFirst(x).shape;
  return { dtype: "int64", shape: n === undefined ? rest : [n, ...rest] };
}
function classesFirst(x: TensorType): TensorType {
  if (x.shape.length < 2) throw new RuleFault("loss-rank", `the prediction is ${printShape(x.shape)}, but [N, classes, ...] is needed`);
  return x;
}
/** The number of classes of a prediction. Throws a RuleFault when it is not a number. */
export function classCount(x: TensorType): number {
  const c = classesFirst(x).shape[1];
  if (typeof c !== "number") throw new RuleFault("loss-classes", `the number of classes is ${String(c)}, but must be a number`);
  return c;
}
function perClass(b: GraphBuilder, x: TensorType, weight: readonly number[]): Value {
  const classes = classCount(x);
  if (weight.length !== classes) throw new RuleFault("loss-weight", `there are ${weight.length} class weights for ${classes} classes`);
  return b.constant(x.dtype, weight, [1, classes, ...x.shape.slice(2).map(() => 1)]);
}
/** The number of elements as a scalar of x's dtype. */
export function elementCountOf(b: GraphBuilder, x: Value): Value {
  return formulas(b).cast(b.add("Size", [x]), x.type.dtype);
}
