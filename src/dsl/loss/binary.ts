/** Losses over independent yes-or-no answers: the target has the prediction's type and lies in [0, 1]. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { type Formulas, formulas } from "../../ir/formulas.ts";
import type { Value } from "../../ir/graph.ts";
import { classCount, classTarget, oneHot } from "./classification.ts";
import type { Loss, Reduction } from "./loss.ts";
import { elementwiseLoss } from "./regression.ts";

/** -(y log p + (1 - y) log(1 - p)) of probabilities, as torch.nn.BCELoss: log 0 is -100, with a slope of 1e12. */
export const bce = ({ reduction = "mean" }: { readonly reduction?: Reduction } = {}): Loss<"values"> =>
  elementwiseLoss("bce", "probabilities", reduction, (f, p, y) =>
    f.neg(f.add(f.mul(y, heldLog(f, p)), f.mul(f.sub(1, y), heldLog(f, f.sub(1, p))))),
  );

/** log x, and below 1e-12 the line through -100 at 0: PyTorch divides by no less than 1e-12 in the gradient. */
const heldLog = (f: Formulas, x: Value): Value => f.where(f.less(x, 1e-12), f.sub(f.mul(x, 1e12), 100), f.log(f.max(x, 1e-12)));

/** Options of `bceWithLogits`. */
export interface BceWithLogitsOptions {
  /** The weight of positive answers: one number, or one for each position of the last axis. */
  readonly posWeight?: number | readonly number[] | undefined;
  readonly reduction?: Reduction;
}
/** Binary cross-entropy of logits, as torch.nn.BCEWithLogitsLoss: (1 - y) x + (1 + (w - 1) y) softplus(-x). */
export const bceWithLogits = ({ posWeight, reduction = "mean" }: BceWithLogitsOptions = {}): Loss<"values"> =>
  elementwiseLoss("bce-with-logits", "logits", reduction, (f, x, y, b) => {
    const factor =
      posWeight === undefined
        ? undefined
        : f.add(
            f.mul(
              y,
              typeof posWeight === "number"
                ? posWeight - 1
                : b.constant(
                    x.type.dtype,
                    posWeight.map((w) => w - 1),
                  ),
            ),
            1,
          );
    const positive = softplus(b, f, f.neg(x));
    return f.add(f.mul(f.sub(1, y), x), factor === undefined ? positive : f.mul(factor, positive));
  });

/** log(1 + e^x) without overflow: max(x, 0) + log(1 + e^-|x|). */
const softplus = (b: GraphBuilder, f: Formulas, x: Value): Value => f.add(b.add("Relu", [x]), f.log(f.add(f.exp(f.neg(f.abs(x))), 1)));

/** Options of `focal`. */
export interface FocalOptions {
  /** The weight of positive answers, 1 - alpha that of negative ones; negative for no weighting. */
  readonly alpha?: number;
  /** How much easy answers count less. */
  readonly gamma?: number;
  readonly reduction?: Reduction;
}
/** The focal loss of logits (Lin et al. 2017, arXiv:1708.02002), as torchvision.ops.sigmoid_focal_loss. */
export const focal = ({ alpha = 0.25, gamma = 2, reduction = "mean" }: FocalOptions = {}): Loss<"values"> =>
  elementwiseLoss("focal", "logits", reduction, (f, x, y, b) => {
    const p = b.add("Sigmoid", [x]);
    const crossEntropy = f.add(f.mul(f.sub(1, y), x), softplus(b, f, f.neg(x)));
    const right = f.add(f.mul(p, y), f.mul(f.sub(1, p), f.sub(1, y)));
    const focused = f.mul(crossEntropy, f.pow(f.sub(1, right), gamma));
    return alpha < 0 ? focused : f.mul(focused, f.add(f.mul(y, 2 * alpha - 1), 1 - alpha));
  });

/** Options of `dice`. */
export interface DiceOptions<M extends "multiclass" | "binary" = "multiclass" | "binary"> {
  /** Keeps the quotient defined where a class is absent. */
  readonly smooth?: number;
  /** "multiclass" takes int64 class numbers and a softmax, "binary" a target of the prediction's shape and a sigmoid. */
  readonly mode?: M;
}
/**
 * The soft Dice loss of logits `float[N, C, ...]` (Milletari et al. 2016, arXiv:1606.04797), averaged over images and classes:
 * 1 - (2 sum p t + s) / (sum p + sum t + s).
 */
export function dice<M extends "multiclass" | "binary" = "multiclass">(
  options: DiceOptions<M> = {},
): Loss<M extends "multiclass" ? "classes" : "values"> {
  const { smooth = 1, mode = "multiclass" } = options;
  return {
    name: "dice",
    target: (x) => (mode === "multiclass" ? classTarget(x) : { dtype: x.dtype, shape: x.shape }),
    takes: "logits",
    labels: mode === "multiclass" ? (x) => ({ classes: classCount(x), ignore: null }) : "none",
    build(b, x, y) {
      const { add, mul, div, sub, reduceSum, reduceMean } = formulas(b);
      const p = mode === "multiclass" ? b.add("Softmax", [x], { axis: 1 }) : b.add("Sigmoid", [x]);
      const t = mode === "multiclass" ? oneHot(b, y, classCount(x.type), x.type.dtype) : y;
      const space = x.type.shape.slice(2).map((_, i) => i + 2);
      const inside = (v: Value): Value => (space.length === 0 ? v : reduceSum(v, space));
      const overlap = add(mul(inside(mul(p, t)), 2), smooth);
      return { loss: sub(1, reduceMean(div(overlap, add(add(inside(p), inside(t)), smooth)))), metrics: {} };
    },
  };
}
