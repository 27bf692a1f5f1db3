/** Activations that a loss applies itself, or misses. */
import type { Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import type { Fault } from "../trace.ts";
import type { Loss, Prediction } from "./loss.ts";

/** The activations that turn what a loss takes into something else, with what the loss makes of it. */
const misplaced: Readonly<Record<Prediction, Readonly<Partial<Record<OpType, string>>>>> = {
  logits: { Softmax: "a softmax", Sigmoid: "a sigmoid" },
  "log-probabilities": { Softmax: "a softmax", Sigmoid: "a sigmoid" },
  probabilities: { LogSoftmax: "a logarithm of a softmax" },
  numbers: {},
};
const helps: Readonly<Record<Prediction, string>> = {
  logits: "return what it is applied to: the loss applies it itself",
  "log-probabilities": "use logSoftmax",
  probabilities: "use softmax or sigmoid",
  numbers: "",
};

/** That a prediction has gone through an activation that its loss does not expect, or null: such a model trains, slowly and to a worse end. */
export function activationFault(prediction: Value, loss: Pick<Loss, "name" | "takes">): Fault | null {
  const made = prediction.producer === null ? undefined : misplaced[loss.takes][prediction.producer.opType];
  if (made === undefined) return null;
  const text = `the output "${prediction.name}" is ${made}, but the loss "${loss.name}" takes ${loss.takes}`;
  return { code: loss.takes === "logits" ? "softmax-before-cross-entropy" : "activation-before-loss", text, help: helps[loss.takes] };
}
