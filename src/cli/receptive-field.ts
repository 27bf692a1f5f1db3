/** `striate receptive-field`. */
import type { Command } from "commander";
import { sourceOf } from "../compile/index.ts";
import { userError } from "../ir/diagnostic.ts";
import { type Graph, printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { type AxisReceptiveField, receptiveField } from "../passes/index.ts";
import { loadModel } from "./load-model.ts";
import { type ModelFlags, modelCommand, parseShapes } from "./shared-options.ts";
import { table } from "./table.ts";
import { writeJson, writeOut } from "./terminal.ts";

interface Flags extends ModelFlags {
  readonly value?: string;
  readonly input?: string;
  readonly json?: boolean;
}

const examples = `
Position i of the value sees positions start + stride * i to start + stride * i + size - 1 of the input, along each spatial axis.
A negative start lies in the padding.

Examples:
  striate receptive-field my-net.ts
  striate receptive-field my-net.ts --value conv2
  striate receptive-field detector.onnx --value feature_map --input image --json`;

/** Prints what positions of a value, or of every value, see of the inputs. */
export function receptiveFieldCommand(): Command {
  return modelCommand("receptive-field")
    .option("--value <name>", "a value of the graph, or the node that makes it; all of them when absent")
    .option("--input <name>", "the input that is looked at; all of them when absent")
    .option("--json", "the same as JSON")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      const { model, file } = await loadModel(spec, flags.set);
      const { graph, inputs: all } = sourceOf(model, parseShapes(flags.shape));
      const inputs = flags.input === undefined ? all : [chosenInput(all, flags.input, file)];
      const rows = chosenValues(graph, flags.value, file).flatMap((value) =>
        inputs.flatMap((input) => {
          const axes = receptiveField(graph, value, input);
          return axes === null && flags.value === undefined ? [] : [{ value, input, axes }];
        }),
      );
      if (flags.json === true) writeJson(rows.map(json));
      else writeOut(text(rows));
    });
}

interface Row {
  readonly value: Value;
  readonly input: Value;
  readonly axes: readonly AxisReceptiveField[] | null;
}

function chosenInput(inputs: readonly Value[], name: string, file: string): Value {
  const found = inputs.find((v) => v.name === name);
  if (found !== undefined) return found;
  throw userError("unknown-name", `${file}: there is no input "${name}"`, nowhere, {
    help: `its inputs are ${inputs.map((v) => v.name).join(", ")}`,
  });
}

function chosenValues(graph: Graph, name: string | undefined, file: string): readonly Value[] {
  const produced = graph.nodes.flatMap((node) => node.outputs.flatMap((value) => (value === null ? [] : [{ value, node }])));
  if (name === undefined) return produced.map(({ value }) => value).filter((value) => value.elements === null);
  const found = produced.find(({ value }) => value.name === name) ?? produced.find(({ node }) => node.name === name);
  if (found !== undefined) return [found.value];
  const names = produced.map(({ value }) => value.name);
  throw userError("unknown-name", `${file}: there is no value "${name}"`, nowhere, {
    help: `there are ${names.slice(0, 20).join(", ")}${names.length > 20 ? ` and ${names.length - 20} more` : ""}`,
  });
}

const joined = (axes: Row["axes"], pick: (axis: Extract<AxisReceptiveField, { kind: "window" }>) => number): string => {
  const texts = (axes ?? []).map((axis) => (axis.kind === "whole" ? "whole" : String(pick(axis))));
  return texts.every((t) => t === "whole") && texts.length > 0 ? "whole" : texts.join(" x ");
};

function text(rows: readonly Row[]): string {
  const columns = (["value", "type", "input", "size", "stride", "start", "padding"] as const).map(
    (title) => ({ title, align: "left" }) as const,
  );
  return table(
    columns,
    rows.map(({ value, input, axes }) => [
      value.name,
      printType(value.type),
      input.name,
      axes === null ? "does not depend on it" : joined(axes, (a) => a.size),
      axes?.some((a) => a.kind === "window") === true ? joined(axes, (a) => a.stride) : "",
      axes?.some((a) => a.kind === "window") === true ? joined(axes, (a) => a.start) : "",
      axes?.some((a) => a.kind === "window") === true ? joined(axes, (a) => a.padding) : "",
    ]),
  );
}

const json = ({ value, input, axes }: Row) => ({ value: value.name, type: value.type, input: input.name, axes });
