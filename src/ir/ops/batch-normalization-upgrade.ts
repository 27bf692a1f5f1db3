/** Older forms of BatchNormalization. */
import type { UpgradeRule } from "../op-schema.ts";
import { RuleFault } from "../op-schema.ts";
import { oldNumber, renewed } from "./old-forms.ts";

/**
 * Before opset 14, training was told by the outputs beyond the first; before 9, `spatial` = 0 gave every position statistics of
 * its own; before 7, `is_test` told the mode.
 */
export const upgradeBatchNormalization: UpgradeRule = (b, old) => {
  if (old.opset >= 14) return "keep";
  if (oldNumber(old, "spatial") === 0) {
    throw new RuleFault(
      "unsupported-form",
      "spatial = 0, statistics per position, is gone since opset 9",
      "export the model for opset 9 or later",
    );
  }
  const training = old.opset < 7 ? oldNumber(old, "is_test") !== 1 && old.outputCount > 1 : old.outputCount > 1;
  if (old.outputCount > 3) {
    throw new RuleFault(
      "unsupported-form",
      "the outputs saved_mean and saved_var are gone since opset 14",
      "export the model for opset 14 or later",
    );
  }
  const outputs = renewed(b, { ...old, attributes: { ...old.attributes, training_mode: training ? 1 : 0 } }, old.inputs, [
    "consumed_inputs",
    "spatial",
    "is_test",
  ]);
  return outputs;
};
