/** What a loss is: a rule that adds nodes behind a prediction. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { TensorType, Value } from "../../ir/graph.ts";

/** How the losses of single elements become one number. */
export type Reduction = "mean" | "sum";

/** What a loss compares its prediction with: class numbers without the class axis, or values of the prediction's own type. */
export type Targets = "classes" | "values";

/** What a loss takes as prediction: what a softmax or sigmoid is still to be applied to, the results of one, or numbers of any kind. */
export type Prediction = "logits" | "log-probabilities" | "probabilities" | "numbers";

/** A loss function over a prediction and a target; T is what its targets are, where that is known. */
export interface Loss<T extends Targets = Targets> {
  /** Only in the type. */
  readonly targets?: T;
  /** PyTorch's name in kebab case. */
  readonly name: string;
  /** The type of the target that belongs to a prediction. Throws a RuleFault when the prediction does not fit. */
  target(prediction: TensorType): TensorType;
  readonly takes: Prediction;
  /** Which class numbers its targets may hold; "none" where they are no class numbers. */
  readonly labels: "none" | ((prediction: TensorType) => LabelRange);
  /** Adds the loss, a scalar, and metrics that are summed over batches. */
  build(b: GraphBuilder, prediction: Value, target: Value): LossOutputs;
}
/** The class numbers from 0 to classes - 1, and the one that counts for nothing. */
export interface LabelRange {
  readonly classes: number;
  readonly ignore: number | null;
}
/** The values a loss adds. */
export interface LossOutputs {
  readonly loss: Value;
  readonly metrics: Readonly<Record<string, Value>>;
}
