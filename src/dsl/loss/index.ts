/** Losses, each as PyTorch defines it. */
import type { Maker, OptionSpecs } from "../option.ts";
import { reader } from "../option.ts";
import { bce, bceWithLogits, dice, focal } from "./binary.ts";
import { crossEntropy, nll } from "./classification.ts";
import type { Loss, Reduction } from "./loss.ts";
import { huber, l1, mse, smoothL1 } from "./regression.ts";

export { type BceWithLogitsOptions, bce, bceWithLogits, type DiceOptions, dice, type FocalOptions, focal } from "./binary.ts";
export { type ClassificationOptions, type CrossEntropyOptions, crossEntropy, nll } from "./classification.ts";
export type { LabelRange, Loss, LossOutputs, Prediction, Reduction, Targets } from "./loss.ts";
export { huber, l1, mse, smoothL1 } from "./regression.ts";

const reduction: OptionSpecs = { reduction: { type: "string", default: "mean", doc: "mean or sum" } };
const classes: OptionSpecs = {
  classWeights: { type: "numbers", default: null, doc: "a weight per class" },
  ignoreIndex: { type: "number", default: -100, doc: "the class number of targets that count for nothing" },
  ...reduction,
};
const reductionOf = (values: Parameters<typeof reader>[0]): Reduction =>
  reader(values).string("reduction", "mean") === "sum" ? "sum" : "mean";
const classOptions = (values: Parameters<typeof reader>[0]) => {
  const { numbers, number } = reader(values);
  return { weight: numbers("classWeights"), ignoreIndex: number("ignoreIndex", -100), reduction: reductionOf(values) };
};

/** The losses by name, with their options: what a command line offers. */
export const lossTable: Readonly<Record<string, Maker<Loss>>> = {
  "cross-entropy": {
    doc: "cross-entropy of logits, for one class of several (also per pixel)",
    options: {
      ...classes,
      labelSmoothing: { type: "number", default: 0, doc: "the share of the target spread over all classes" },
      targets: { type: "string", default: "classes", doc: "classes (int64 numbers) or probabilities" },
    },
    create: (values) =>
      crossEntropy({
        ...classOptions(values),
        labelSmoothing: reader(values).number("labelSmoothing", 0),
        targets: reader(values).string("targets", "classes") === "probabilities" ? "probabilities" : "classes",
      }),
  },
  nll: { doc: "negative log likelihood of log-probabilities", options: classes, create: (values) => nll(classOptions(values)) },
  mse: { doc: "mean squared error", options: reduction, create: (values) => mse({ reduction: reductionOf(values) }) },
  l1: { doc: "mean absolute error", options: reduction, create: (values) => l1({ reduction: reductionOf(values) }) },
  huber: {
    doc: "squared near zero, linear beyond delta",
    options: { delta: { type: "number", default: 1, doc: "where it becomes linear" }, ...reduction },
    create: (values) => huber({ delta: reader(values).number("delta", 1), reduction: reductionOf(values) }),
  },
  "smooth-l1": {
    doc: "Huber's loss divided by beta",
    options: { beta: { type: "number", default: 1, doc: "where it becomes linear" }, ...reduction },
    create: (values) => smoothL1({ beta: reader(values).number("beta", 1), reduction: reductionOf(values) }),
  },
  bce: { doc: "binary cross-entropy of probabilities", options: reduction, create: (values) => bce({ reduction: reductionOf(values) }) },
  "bce-with-logits": {
    doc: "binary cross-entropy of logits",
    options: {
      posWeight: { type: "numbers", default: null, doc: "the weight of positive answers, one or one per position of the last axis" },
      ...reduction,
    },
    create: (values) => {
      const posWeight = reader(values).numbers("posWeight");
      return bceWithLogits({ posWeight: posWeight?.length === 1 ? posWeight[0] : posWeight, reduction: reductionOf(values) });
    },
  },
  focal: {
    doc: "focal loss of logits, for rare positives",
    options: {
      alpha: { type: "number", default: 0.25, doc: "the weight of positive answers" },
      gamma: { type: "number", default: 2, doc: "how much easy answers count less" },
      ...reduction,
    },
    create: (values) =>
      focal({ alpha: reader(values).number("alpha", 0.25), gamma: reader(values).number("gamma", 2), reduction: reductionOf(values) }),
  },
  dice: {
    doc: "soft Dice loss of logits, for segmentation",
    options: {
      smooth: { type: "number", default: 1, doc: "keeps the quotient defined where a class is absent" },
      mode: { type: "string", default: "multiclass", doc: "multiclass or binary" },
    },
    create: (values) =>
      dice({
        smooth: reader(values).number("smooth", 1),
        mode: reader(values).string("mode", "multiclass") === "binary" ? "binary" : "multiclass",
      }),
  },
};
