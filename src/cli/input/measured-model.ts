/** The model that `striate profile` and `striate memory` look at: compiled for one batch, all its sizes numbers, with something to feed it. */
import type { Command } from "commander";
import { buildInference, type CompileOptions, compileTraining, type InputShapes, sourceOf } from "../../compile/index.ts";
import { userError } from "../../ir/diagnostic.ts";
import { symbolsOf } from "../../ir/dim.ts";
import { type Graph, printType, type Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { scalar, type TensorData } from "../../ir/tensor-data.ts";
import type { SessionOptions } from "../../runtime/index.ts";
import { inputFor } from "../running/verify-passes.ts";
import { addCompileOptions, type CompileFlags, readCompileOptions } from "./compile-options.ts";
import { loadModel } from "./load-model.ts";
import { addMakerOptions, type MakerReader } from "./maker-options.ts";
import { addForMode, addMode, type Mode } from "./modes.ts";
import { modelCommand, present } from "./shared-options.ts";
import { naturalNumber, oneOf } from "./usage.ts";

/** The flags of both commands. */
export interface MeasuredFlags extends CompileFlags {
  readonly mode: Mode;
  readonly batch: number;
  readonly onnxruntime?: SessionOptions["graphOptimization"];
  readonly threads?: number;
  readonly loss?: string;
  readonly optimizer?: string;
  readonly json?: boolean;
}
/** A model ready to be looked at. */
export interface MeasuredModel {
  readonly name: string;
  readonly mode: MeasuredFlags["mode"];
  readonly graph: Graph;
  readonly opset: number;
  readonly inputs: readonly Value[];
  /** What a run reads, weights that are inputs included. Throws a CompileError on inputs of text. */
  feeds(): Readonly<Record<string, TensorData>>;
  /** The outputs that a caller wants; the next state of a training graph is not handed out. */
  readonly results: readonly string[];
  /** The output that is the loss, in a training graph. */
  readonly loss: Value | null;
  /** What the names of a training graph's updates begin with. */
  readonly optimizer: string | null;
  /** False for parameters and the optimizer's state. */
  isActivation(input: Value): boolean;
  readonly session: SessionOptions;
}

const sessionLevels = ["none", "basic", "extended", "layout", "all"] as const;

/** A command with its model argument and the flags of both commands; `read` compiles the model that they say. */
export function measuredCommand(name: string, own: (command: Command) => Command) {
  const command = own(addCompileOptions(addMode(modelCommand(name))))
    .option("--batch <n>", "how many images", (text) => naturalNumber("--batch", text, 1), 1)
    .option("--onnxruntime <level>", "its own rewriting: none, basic, extended, layout or all (default: all)", (text) =>
      oneOf("--onnxruntime", text, sessionLevels),
    )
    .option("--threads <n>", "threads within a kernel (default: onnxruntime's choice)", (text) => naturalNumber("--threads", text, 1))
    .option("--json", "the same as JSON");
  const makers = addForMode("training", command, (c) =>
    addMakerOptions(
      c.option("--loss <name>", "the loss (default: cross-entropy)").option("--optimizer <name>", "the optimizer (default: sgd)"),
    ),
  );
  return { command, read: (spec: string, flags: MeasuredFlags) => measuredModel(spec, flags, makers) };
}

async function measuredModel(spec: string, flags: MeasuredFlags, makers: MakerReader): Promise<MeasuredModel> {
  const { mode, batch, seed = 0 } = flags;
  const loaded = await loadModel(spec, flags.set);
  const options = await readCompileOptions(flags, loaded);
  const shapes = sizedShapes(sourceOf(loaded.model, options.shapes).inputs, batch);
  const session = present({ graphOptimization: flags.onnxruntime, intraOpThreads: flags.threads });
  const common = { mode, opset: options.opset, session };
  if (mode === "training") return { ...common, ...trainingModel(loaded.model, flags, { ...options, shapes }, makers) };
  const { graph } = buildInference(loaded.model, { ...options, shapes });
  return {
    ...common,
    name: graph.name,
    graph,
    inputs: graph.inputs,
    feeds: () => Object.fromEntries(graph.inputs.map((input) => [input.name, madeUp(input, seed)])),
    results: graph.outputs.map((output) => output.name),
    loss: null,
    optimizer: null,
    isActivation: () => true,
  };
}

function trainingModel(
  model: Parameters<typeof compileTraining>[0],
  flags: MeasuredFlags,
  options: CompileOptions,
  makers: MakerReader,
): Omit<MeasuredModel, "mode" | "opset" | "session"> {
  const { seed = 0 } = flags;
  const loss = makers.loss({ ...flags }, flags.loss ?? "cross-entropy");
  const optimizer = makers.optimizer({ ...flags }, flags.optimizer ?? "sgd");
  const { graph, manifest, state } = compileTraining(model, { ...options, loss, optimizer });
  const rows = new Map(manifest.state.map((row) => [row.input, row]));
  const scalars: Readonly<Record<string, TensorData>> = {
    learning_rate: scalar(optimizer.defaults.lr),
    step: scalar(1, "int64"),
    seed: scalar(seed, "int64"),
  };
  const feedOf = (input: Value): TensorData => state.get(rows.get(input.name)?.name ?? "") ?? scalars[input.name] ?? madeUp(input, seed);
  return {
    name: graph.name,
    graph,
    inputs: graph.inputs.filter((input) => !rows.has(input.name)),
    feeds: () => Object.fromEntries(graph.inputs.map((input) => [input.name, feedOf(input)])),
    results: [...new Set([manifest.loss, ...Object.values(manifest.metrics)])],
    loss: graph.outputs.find((output) => output.name === manifest.loss) ?? null,
    optimizer: optimizer.name,
    isActivation: (input) => !rows.has(input.name),
  };
}

function madeUp(input: Value, seed: number): TensorData {
  if (input.type.dtype !== "string") return inputFor(input, new Map(), seed);
  throw userError(
    "run-input",
    `input "${input.name}" is ${printType(input.type)}: numbers can be made up for a run, texts cannot`,
    nowhere,
  );
}

/** The inputs' shapes with the batch in place of the symbol that they begin with. Throws a CompileError on any other symbol. */
function sizedShapes(inputs: readonly Value[], batch: number): InputShapes {
  return Object.fromEntries(
    inputs.map((input) => {
      const { shape } = input.type;
      const [first] = shape;
      const sized = shape.map((dim) => (dim === first && typeof first === "string" && /^\w+$/.test(first) ? batch : dim));
      const open = sized.flatMap((dim) => [...symbolsOf(dim)]);
      const [symbol] = open;
      if (symbol === undefined) return [input.name, sized];
      throw userError("unknown-size", `input "${input.name}" is ${printType(input.type)}, which leaves ${symbol} open`, nowhere, {
        help: `give its size with --shape ${input.name}=${sized.map((dim) => (typeof dim === "number" ? dim : 64)).join(",")}`,
      });
    }),
  );
}
