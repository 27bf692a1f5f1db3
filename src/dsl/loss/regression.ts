/** Losses over numbers: the target has the prediction's type. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { type Formulas, formulas } from "../../ir/formulas.ts";
import type { Value } from "../../ir/graph.ts";
import type { Loss, Prediction, Reduction } from "./loss.ts";

interface ReductionOption {
  readonly reduction?: Reduction;
}

/** A loss that reduces one value per element. */
export function elementwiseLoss(
  name: string,
  takes: Prediction,
  reduction: Reduction,
  rule: (f: Formulas, x: Value, y: Value, b: GraphBuilder) => Value,
): Loss<"values"> {
  return {
    name,
    target: (prediction) => ({ dtype: prediction.dtype, shape: prediction.shape }),
    takes,
    labels: "none",
    build(b, x, y) {
      const f = formulas(b);
      const elements = rule(f, x, y, b);
      return { loss: reduction === "sum" ? f.reduceSum(elements) : f.reduceMean(elements), metrics: {} };
    },
  };
}

/** (x - y)^2, as torch.nn.MSELoss. */
export const mse = ({ reduction = "mean" }: ReductionOption = {}): Loss<"values"> =>
  elementwiseLoss("mse", "numbers", reduction, (f, x, y) => f.square(f.sub(x, y)));

/** |x - y|, as torch.nn.L1Loss. */
export const l1 = ({ reduction = "mean" }: ReductionOption = {}): Loss<"values"> =>
  elementwiseLoss("l1", "numbers", reduction, (f, x, y) => f.abs(f.sub(x, y)));

/** d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), as torch.nn.HuberLoss. */
export const huber = ({ delta = 1, reduction = "mean" }: ReductionOption & { readonly delta?: number } = {}): Loss<"values"> =>
  elementwiseLoss("huber", "numbers", reduction, (f, x, y) => {
    const d = f.sub(x, y);
    const size = f.abs(d);
    return f.where(f.less(size, delta), f.mul(f.square(d), 0.5), f.mul(f.sub(size, delta / 2), delta));
  });

/** d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, as torch.nn.SmoothL1Loss; beta 0 is the L1 loss. */
export const smoothL1 = ({ beta = 1, reduction = "mean" }: ReductionOption & { readonly beta?: number } = {}): Loss<"values"> =>
  elementwiseLoss("smooth-l1", "numbers", reduction, (f, x, y) => {
    const d = f.sub(x, y);
    const size = f.abs(d);
    return beta === 0 ? size : f.where(f.less(size, beta), f.mul(f.square(d), 0.5 / beta), f.sub(size, beta / 2));
  });
