/** `striate types`. */
import type { Command } from "commander";
import { writeFileAtomically } from "../../codegen/atomic-file.ts";
import { printModelTypes } from "../../codegen/index.ts";
import { sourceOf } from "../../compile/index.ts";
import { loadModel } from "../input/load-model.ts";
import { type ModelFlags, modelCommand, parseShapes } from "../input/shared-options.ts";
import { UsageError } from "../input/usage.ts";
import { harmless, outColors, writeOut } from "../output/terminal.ts";

interface Flags extends ModelFlags {
  readonly output?: string;
}

const examples = `
With the file beside your own, the editor and tsc check what you feed to the model, and know what it returns:

  import type model from "./my-net.d.ts";
  const session = await createSession<typeof model>("my-net.onnx");
  const { logits } = await session.run({ input: { dtype: "float32", shape: [1, 3, 32, 32], data } });

A model written in TypeScript needs no such file: createSession<typeof myNet>.

Examples:
  striate types my-net.onnx -o my-net.d.ts
  striate types detector.onnx --shape image=N,3,640,640 -o detector.d.ts`;

/** Writes the types of a model's inputs and outputs. */
export function typesCommand(): Command {
  return modelCommand("types")
    .option("-o, --output <file>", "the .d.ts file to write; standard output when absent", declarationFile)
    .addHelpText("after", examples)
    .action(async (spec: string, { set, shape, output }: Flags) => {
      const { model, name } = await loadModel(spec, set);
      const { graph, inputs } = sourceOf(model, parseShapes(shape));
      const text = printModelTypes({ name, inputs: inputs.filter((value) => !graph.initializers.has(value)), outputs: graph.outputs });
      if (output === undefined) return writeOut(text);
      await writeFileAtomically(output, [Buffer.from(text)]);
      writeOut(`${outColors().bold(harmless(output))}: ${inputs.length} inputs, ${graph.outputs.length} outputs\n`);
    });
}

function declarationFile(file: string): string {
  if (/\.d\.[cm]?ts$/.test(file)) return file;
  throw new UsageError(`-o takes a .d.ts file, not "${file}"`);
}
