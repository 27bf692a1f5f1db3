import type { Loss, LossOutputs } from "../dsl/index.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import { userError } from "../ir/diagnostic.ts";
import { printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { RuleFault } from "../ir/op-schema.ts";

/** Declares the input `target` and adds a loss behind the first output. Throws a CompileError when the output does not fit the loss. */
export function addLoss(b: GraphBuilder, loss: Loss, outputs: readonly Value[]): LossOutputs & { readonly target: Value } {
  const [prediction] = outputs;
  if (prediction === undefined) throw userError("no-output", "the model has no output to put a loss on", nowhere);
  const location = prediction.producer?.location ?? nowhere;
  try {
    return b.from({ name: "loss", location }, () => {
      const target = b.input("target", loss.target(prediction.type));
      return { target, ...loss.build(b, prediction, target) };
    });
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    const help = error.help === undefined ? {} : { help: error.help };
    throw userError(
      error.code,
      `loss "${loss.name}" on "${prediction.name}", ${printType(prediction.type)}: ${error.message}`,
      location,
      help,
    );
  }
}
