/** What an optimizer is: a rule that adds the nodes of one parameter's update. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Value } from "../../ir/graph.ts";
import { fits } from "../pattern.ts";

/** The settings that may differ between groups of parameters. */
export interface GroupSettings {
  readonly lr: number;
  readonly weightDecay: number;
}
/** A group: the parameters whose names fit, and what is different for them. The last group that fits decides. */
export interface ParameterGroup extends Partial<GroupSettings> {
  /** A pattern such as "*.bias" or "layer4.*". */
  readonly match: string;
}

/** One parameter's update, in values of the graph. */
export interface UpdateInputs {
  readonly parameter: Value;
  readonly gradient: Value;
  /** The parameter's slots by name, each of the parameter's shape. */
  readonly slots: Readonly<Record<string, Value>>;
  /** The learning rate of the parameter's group, a float32 scalar. */
  readonly learningRate: Value;
  /** The number of this step, from 1, an int64 scalar; asked for only where the rule needs it. */
  step(): Value;
  readonly weightDecay: number;
}
/** The updated values. */
export interface UpdateOutputs {
  readonly parameter: Value;
  readonly slots: Readonly<Record<string, Value>>;
}

/** An optimization method, as PyTorch defines it. */
export interface Optimizer {
  readonly name: string;
  readonly defaults: GroupSettings;
  readonly groups: readonly ParameterGroup[];
  /** The names of the tensors that it keeps for each parameter; all start at zero. */
  readonly slots: readonly string[];
  update(b: GraphBuilder, inputs: UpdateInputs): UpdateOutputs;
}

/** The settings of a parameter by its name. */
export function settingsFor(optimizer: Optimizer, name: string): GroupSettings {
  const { match: _, ...own } = optimizer.groups.findLast((group) => fits(group.match, name)) ?? { match: "" };
  return { ...optimizer.defaults, ...own };
}
