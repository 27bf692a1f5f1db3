/** Optimizers, each as PyTorch defines it. */
import { type Maker, type OptionSpecs, type OptionValues, reader } from "../option.ts";
import { adagrad } from "./adagrad.ts";
import { adam, adamW } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { rmsprop } from "./rmsprop.ts";
import { sgd } from "./sgd.ts";

export { type AdagradOptions, adagrad } from "./adagrad.ts";
export { type AdamOptions, adam, adamW } from "./adam.ts";
export {
  type GroupSettings,
  type Optimizer,
  type ParameterGroup,
  settingsFor,
  type UpdateInputs,
  type UpdateOutputs,
} from "./optimizer.ts";
export { type RmspropOptions, rmsprop } from "./rmsprop.ts";
export { type SgdOptions, sgd } from "./sgd.ts";

const number = (fallback: number, doc: string) => ({ type: "number", default: fallback, doc }) as const;
const flag = (doc: string) => ({ type: "boolean", default: false, doc }) as const;
const common = (lr: number, weightDecay = 0): OptionSpecs => ({
  lr: number(lr, "the learning rate"),
  weightDecay: number(weightDecay, "the weight decay"),
});
const adamSpecs = (weightDecay: number): OptionSpecs => ({
  ...common(1e-3, weightDecay),
  betas: { type: "numbers", default: [0.9, 0.999], doc: "the decay of the two moments" },
  eps: number(1e-8, "added to the denominator"),
  amsgrad: flag("divide by the largest second moment so far"),
});
const adamValues = (values: OptionValues, weightDecay: number) => {
  const r = reader(values);
  const [b1 = 0.9, b2 = 0.999] = r.numbers("betas") ?? [];
  return {
    lr: r.number("lr", 1e-3),
    weightDecay: r.number("weightDecay", weightDecay),
    betas: [b1, b2] as const,
    eps: r.number("eps", 1e-8),
    amsgrad: r.boolean("amsgrad"),
  };
};

/** The optimizers by name, with their options: what a command line offers. */
export const optimizerTable: Readonly<Record<string, Maker<Optimizer>>> = {
  sgd: {
    doc: "stochastic gradient descent",
    options: {
      ...common(0.01),
      momentum: number(0, "the share of the last direction that is kept"),
      dampening: number(0, "the share of the gradient that is left out of the momentum"),
      nesterov: flag("look ahead along the momentum"),
    },
    create: (values) => {
      const r = reader(values);
      return sgd({
        lr: r.number("lr", 0.01),
        weightDecay: r.number("weightDecay", 0),
        momentum: r.number("momentum", 0),
        dampening: r.number("dampening", 0),
        nesterov: r.boolean("nesterov"),
      });
    },
  },
  adam: { doc: "Adam", options: adamSpecs(0), create: (values) => adam(adamValues(values, 0)) },
  adamw: { doc: "Adam with decoupled weight decay", options: adamSpecs(0.01), create: (values) => adamW(adamValues(values, 0.01)) },
  rmsprop: {
    doc: "RMSprop",
    options: {
      ...common(0.01),
      alpha: number(0.99, "the decay of the second moment"),
      eps: number(1e-8, "added to the denominator"),
      momentum: number(0, "the share of the last direction that is kept"),
      centered: flag("divide by the variance rather than the second moment"),
    },
    create: (values) => {
      const r = reader(values);
      return rmsprop({
        lr: r.number("lr", 0.01),
        weightDecay: r.number("weightDecay", 0),
        alpha: r.number("alpha", 0.99),
        eps: r.number("eps", 1e-8),
        momentum: r.number("momentum", 0),
        centered: r.boolean("centered"),
      });
    },
  },
  adagrad: {
    doc: "Adagrad",
    options: {
      ...common(0.01),
      lrDecay: number(0, "how fast the learning rate falls"),
      initialAccumulatorValue: number(0, "what the sum of squares starts at"),
      eps: number(1e-10, "added to the denominator"),
    },
    create: (values) => {
      const r = reader(values);
      return adagrad({
        lr: r.number("lr", 0.01),
        weightDecay: r.number("weightDecay", 0),
        lrDecay: r.number("lrDecay", 0),
        initialAccumulatorValue: r.number("initialAccumulatorValue", 0),
        eps: r.number("eps", 1e-10),
      });
    },
  },
};
