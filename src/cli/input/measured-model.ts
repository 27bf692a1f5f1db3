/** The model that `striate profile` and `striate memory` look at: compiled for one batch, all its sizes numbers, with something to feed it. */
import type { Command } from "commander";
import { buildInference, type CompileOptions, compileTraining, type InputShapes, sourceOf } from "../../compile/index.ts";
import { userError } from "../../ir/diagnostic.ts";
import { symbolsOf } from "../../ir/dim.ts";
import { type Graph, printType, type Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { scalar, type TensorData } from "../../ir/tensor-data.ts";
import { type OptimizationLevel, optimize, type Purpose, substituteShapes } from "../../passes/index.ts";
import type { SessionOptions } from "../../runtime/index.ts";
import { inputFor } from "../running/verify-passes.ts";
import { loadModel } from "./load-model.ts";
import { addMakerOptions, type MakerReader } from "./maker-options.ts";
import { readWeights } from "./read-weights.ts";
import { type ModelFlags, modelCommand, opsetFor, opsetHelp, opsetOption, parseShapes, present, seedOption } from "./shared-options.ts";
import { naturalNumber, oneOf, UsageError } from "./usage.ts";

/** The flags of both commands. */
export interface MeasuredFlags extends ModelFlags {
  readonly mode: "inference" | "training";
  readonly batch: number;
  readonly weights?: string;
  readonly seed: number;
  readonly level?: OptimizationLevel;
  readonly opset?: number;
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

const levels = ["none", "exact", "all"] as const satisfies readonly OptimizationLevel[];
const sessionLevels = ["none", "basic", "extended", "layout", "all"] as const;

/** A command with its model argument and the flags of both commands; `read` compiles the model that they say. */
export function measuredCommand(name: string, own: (command: Command) => Command) {
  const command = own(
    modelCommand(name)
      .option("--mode <mode>", "inference or training", (text) => oneOf("--mode", text, ["inference", "training"]), "inference")
      .option("--batch <n>", "how many images", (text) => naturalNumber("--batch", text, 1), 1)
      .option("--weights <file>", "a .safetensors file with all parameters and buffers by name")
      .option("--seed <n>", "the seed of inputs and initial weights", seedOption, 0)
      .option("--level <level>", "striate's optimisation: none, exact or all (default: all)", (text) => oneOf("--level", text, levels))
      .option("--opset <n>", `the ai.onnx opset, ${opsetHelp}`, opsetOption)
      .option("--onnxruntime <level>", "its own rewriting: none, basic, extended, layout or all (default: all)", (text) =>
        oneOf("--onnxruntime", text, sessionLevels),
      )
      .option("--threads <n>", "threads within a kernel (default: onnxruntime's choice)", (text) => naturalNumber("--threads", text, 1))
      .option("--loss <name>", "training: the loss (default: cross-entropy)")
      .option("--optimizer <name>", "training: the optimizer (default: sgd)")
      .option("--json", "the same as JSON"),
  );
  const makers = addMakerOptions(command);
  return { command, read: (spec: string, flags: MeasuredFlags) => measuredModel(spec, flags, makers) };
}

async function measuredModel(spec: string, flags: MeasuredFlags, makers: MakerReader): Promise<MeasuredModel> {
  const stray = (["loss", "optimizer"] as const).find((key) => flags[key] !== undefined);
  if (flags.mode === "inference" && stray !== undefined) throw new UsageError(`--${stray} is for training`, "add --mode training");
  const loaded = await loadModel(spec, flags.set);
  const { model } = loaded;
  const { seed, opset = opsetFor(loaded) } = flags;
  const weights = flags.weights === undefined ? undefined : await readWeights(flags.weights);
  const shapes = parseShapes(flags.shape);
  const sized = sizedShapes(sourceOf(model, shapes).inputs, flags.batch);
  const options = { shapes, seed, opset, ...present({ weights, optimize: flags.level }) };
  const session = present({ graphOptimization: flags.onnxruntime, intraOpThreads: flags.threads });
  const common = { mode: flags.mode, opset, session };
  if (flags.mode === "training") return { ...common, ...trainingModel(model, flags, options, sized, makers) };
  const graph = atSizes(buildInference(model, options).graph, sized, flags.level, "inference");
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
  sized: InputShapes,
  makers: MakerReader,
): Omit<MeasuredModel, "mode" | "opset" | "session"> {
  const loss = makers.loss({ ...flags }, flags.loss ?? "cross-entropy");
  const optimizer = makers.optimizer({ ...flags }, flags.optimizer ?? "sgd");
  const { graph: open, manifest, state } = compileTraining(model, { ...options, loss, optimizer });
  const graph = atSizes(open, sized, flags.level, "training");
  const rows = new Map(manifest.state.map((row) => [row.input, row]));
  const scalars: Readonly<Record<string, TensorData>> = {
    learning_rate: scalar(optimizer.defaults.lr),
    step: scalar(1, "int64"),
    seed: scalar(flags.seed, "int64"),
  };
  const feedOf = (input: Value): TensorData =>
    state.get(rows.get(input.name)?.name ?? "") ?? scalars[input.name] ?? madeUp(input, flags.seed);
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

/** A compiled graph with sizes for its symbols, and without what has then become constant. */
const atSizes = (graph: Graph, sized: InputShapes, level: OptimizationLevel | undefined, purpose: Purpose): Graph =>
  optimize(substituteShapes(graph, new Map(Object.entries(sized))), level, { purpose }).graph;

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
