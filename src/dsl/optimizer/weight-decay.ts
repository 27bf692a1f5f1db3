import type { GraphBuilder } from "../../ir/builder.ts";
import { formulas } from "../../ir/formulas.ts";
import type { Value } from "../../ir/graph.ts";
import type { UpdateInputs } from "./optimizer.ts";

/** The gradient with the weight decay added, g + wd p: the penalty of all PyTorch's optimizers but AdamW. */
export function decayed(b: GraphBuilder, { gradient, parameter, weightDecay }: UpdateInputs): Value {
  const { add, mul } = formulas(b);
  return weightDecay === 0 ? gradient : add(gradient, mul(parameter, weightDecay));
}
