/** `striate receptive-field`. */
import type { Command } from "commander";
import { type Source, sourceOf } from "../../compile/index.ts";
import { findValue, lastFeatureMap, viewOf } from "../../inspect/index.ts";
import { userError } from "../../ir/diagnostic.ts";
import type { Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { receptiveFields, unitView } from "../../passes/index.ts";
import { loadModel } from "../input/load-model.ts";
import { modelCommand, parseShapes, seedOption } from "../input/shared-options.ts";
import { naturalNumber, oneOf, repeatable, UsageError } from "../input/usage.ts";
import { type FieldRow, fieldsText, type UnitRow, unitsText } from "../output/field-text.ts";
import { writeJson, writeOut } from "../output/terminal.ts";
import { type EffectiveFlags, effectiveFields, onlyEffective } from "../running/effective-field.ts";

interface Flags extends EffectiveFlags {
  readonly effective?: boolean;
}

const examples = `
Position i of the value sees positions start + stride * i to start + stride * i + size - 1 of the input, along each spatial axis.
A negative start lies in the padding. --unit tells what one position sees: of an input without borders, and of the image that is there.

--effective measures how strongly: the gradient of the unit (the mean over its channels; the middle one without --unit) with respect to the
input, averaged over seeded noise or real images, after Luo et al., "Understanding the effective receptive field", 2016. --unit and
--effective ask about the last feature map when --value is absent.

Examples:
  striate receptive-field my-net.ts
  striate receptive-field detector.onnx --value feature_map --input image --json
  striate receptive-field models/resnet.ts#resnet50 --value layer3.5.relu_2 --unit 3,4
  striate receptive-field resnet18.onnx --effective --samples 50 --seed 1
  striate receptive-field models/vgg.ts --weights vgg.safetensors --effective --image cat.jpg --picture field.png`;

/** Prints what positions of a value, or of every value, see of the inputs. */
export function receptiveFieldCommand(): Command {
  return modelCommand("receptive-field")
    .option("--value <name>", "a value of the graph, or the node that makes it; all of them when absent")
    .option("--input <name>", "the input that is looked at; all of them when absent")
    .option("--unit <position>", "one position of the value, as in 3,4", unitOption)
    .option("--effective", "measure the effective receptive field of a unit")
    .option("--samples <n>", "how many inputs of noise (default: 20)", (text) => naturalNumber("--samples", text, 1))
    .addOption(repeatable("--image <file>", "an image in place of noise"))
    .option("--measure <how>", "absolute or squared gradients (default: absolute)", (text) =>
      oneOf("--measure", text, ["absolute", "squared"] as const),
    )
    .option("--weights <file>", "a .safetensors file with all parameters and buffers by name")
    .option("--seed <n>", "the seed of the noise, and of weights that are not given (default: 0)", seedOption)
    .option("--picture <file>", "write the effective field over the image as a PNG file")
    .option("--json", "the same as JSON")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      if (flags.effective !== true) {
        const given = onlyEffective(flags);
        if (given !== undefined) throw new UsageError(`${given} belongs to --effective`, "add --effective, or leave it out");
      }
      const loaded = await loadModel(spec, flags.set);
      const source = sourceOf(loaded.model, parseShapes(flags.shape));
      if (flags.effective === true) await effectiveFields(loaded, source, flags);
      else if (flags.unit !== undefined) answer(units(source, flags.unit, flags, loaded.file), flags, unitsText, unitJson);
      else answer(fields(source, flags, loaded.file), flags, fieldsText, fieldJson);
    });
}

function answer<T>(rows: readonly T[], { json }: Flags, text: (rows: readonly T[]) => string, asJson: (row: T) => object): void {
  if (json === true) writeJson(rows.map(asJson));
  else writeOut(text(rows));
}

/** `--unit 3,4`: natural numbers. */
function unitOption(text: string): readonly number[] {
  const parts = text.split(",").map((part) => part.trim());
  if (!parts.every((part) => /^\d+$/.test(part))) throw new UsageError(`--unit takes a position, as in 3,4, not "${text}"`);
  return parts.map((part) => naturalNumber("--unit", part));
}

function chosenInputs({ inputs }: Source, name: string | undefined, file: string): readonly Value[] {
  const found = inputs.filter((v) => name === undefined || v.name === name);
  if (found.length > 0 || name === undefined) return found;
  throw userError("unknown-name", `${file}: there is no input "${name}"`, nowhere, {
    help: `its inputs are ${inputs.map((v) => v.name).join(", ")}`,
  });
}

function fields(source: Source, { value: name, input }: Flags, file: string): readonly FieldRow[] {
  const { graph } = source;
  const all = graph.nodes.flatMap((node) => node.outputs.flatMap((v) => (v === null || v.elements !== null ? [] : [v])));
  const fieldsOf = chosenInputs(source, input, file).map((v) => ({ input: v, fieldOf: receptiveFields(graph, v) }));
  return (name === undefined ? all : [findValue(graph, name, file)]).flatMap((value) =>
    fieldsOf.flatMap(({ input: from, fieldOf }) => {
      const axes = fieldOf(value);
      return axes === null && name === undefined ? [] : [{ value, input: from, axes }];
    }),
  );
}

function units(source: Source, unit: readonly number[], { value: name, input }: Flags, file: string): readonly UnitRow[] {
  const value = name === undefined ? lastFeatureMap(source, file) : findValue(source.graph, name, file);
  const inputs = chosenInputs(source, input, file);
  const seen = inputs.filter((v) => unitView(source.graph, value, v, new Map()) !== null);
  return (seen.length > 0 ? seen : inputs).map((v) => ({ value, input: v, unit, view: viewOf(source, value, v, unit) }));
}

const fieldJson = ({ value, input, axes }: FieldRow) => ({ value: value.name, type: value.type, input: input.name, axes });
const unitJson = ({ value, input, unit, view }: UnitRow) => ({ value: value.name, type: value.type, input: input.name, unit, ...view });
