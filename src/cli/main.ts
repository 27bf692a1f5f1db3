/** The command line's entry: finds the command, runs it, and turns what it throws into messages and exit codes. */
import { Command, CommanderError } from "commander";
import { isCompileError } from "../ir/diagnostic.ts";
import { version } from "../version.ts";
import { SaidAlready, UsageError } from "./input/usage.ts";
import { printDiagnosticWithSource } from "./output/print-diagnostic.ts";
import { errColors, harmless, outColors, writeErr, writeOut } from "./output/terminal.ts";

/** Success, the user's mistake in a model or file, and wrong usage of the command line. */
const exitCodes = { success: 0, userError: 1, usage: 2, interrupted: 130 } as const;

interface Entry {
  readonly summary: string;
  /** Loads the command: what one of them needs is not loaded for the others. */
  load(): Promise<Command>;
}
const commands: Readonly<Record<string, Entry>> = {
  compile: {
    summary: "compile a model to an ONNX file, for inference or for training",
    load: async () => (await import("./commands/compile.ts")).compileCommand(),
  },
  summary: {
    summary: "the layers of a model: shapes, parameters, MACs, receptive fields",
    load: async () => (await import("./commands/summary.ts")).summaryCommand(),
  },
  check: {
    summary: "type-check and trace model files: every mistake, with its line",
    load: async () => (await import("./commands/check.ts")).checkCommand(),
  },
  "receptive-field": {
    summary: "what one position of a value sees of the input",
    load: async () => (await import("./commands/receptive-field.ts")).receptiveFieldCommand(),
  },
  diff: {
    summary: "what changed between two models: layers, shapes, weights, cost, outputs",
    load: async () => (await import("./commands/diff.ts")).diffCommand(),
  },
  profile: {
    summary: "where a model's time goes, by layer, op or line, and what bounds it",
    load: async () => (await import("./commands/profile.ts")).profileCommand(),
  },
  memory: {
    summary: "how much memory activations take, for inference and for training",
    load: async () => (await import("./commands/memory.ts")).memoryCommand(),
  },
  report: {
    summary: "a page about a model: its graph, costs, receptive fields, optimisations",
    load: async () => (await import("./commands/report.ts")).reportCommand(),
  },
  train: {
    summary: "train a model on MNIST or on folders of images",
    load: async () => (await import("./commands/train.ts")).trainCommand(),
  },
  run: { summary: "run a model on images or tensors", load: async () => (await import("./commands/run.ts")).runCommand() },
  print: { summary: "a model's graph as text or JSON", load: async () => (await import("./commands/print.ts")).printCommand() },
  grad: { summary: "a model with its gradients as further outputs", load: async () => (await import("./commands/grad.ts")).gradCommand() },
  types: {
    summary: "a model's inputs and outputs as TypeScript, for createSession<typeof model>",
    load: async () => (await import("./commands/types.ts")).typesCommand(),
  },
  lsp: { summary: "the language server, which editors start", load: async () => (await import("./commands/lsp.ts")).lspCommand() },
  doctor: {
    summary: "check that this machine can run and train models",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand(),
  },
};

const introduction = `
Models are TypeScript files; striate compiles them to ONNX graphs that any ONNX runtime runs, and trains.

Examples:
  striate summary my-net.ts
  striate compile my-net.ts -o my-net.onnx
  striate train my-net.ts --data mnist --epochs 3 --run runs/mnist
  striate run my-net.onnx --input digit.png

MODEL is FILE.ts (its default export), FILE.ts#EXPORT, or FILE.onnx.`;

/** Runs the command line with the arguments behind the program's name. Gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const program = await programFor(args);
    await program.parseAsync([...args], { from: "user" });
    return exitCodes.success;
  } catch (error) {
    return reported(error);
  }
}

async function programFor(args: readonly string[]): Promise<Command> {
  const program = new Command("striate")
    .description("A declarative model-graph compiler for computer vision.")
    .version(version)
    .usage("COMMAND [options]")
    .addHelpText("after", introduction)
    .showHelpAfterError("(--help explains the usage)")
    .exitOverride()
    .configureOutput({
      writeOut,
      writeErr,
      getOutHasColors: () => outColors().isColorSupported,
      getErrHasColors: () => errColors().isColorSupported,
      outputError: (text, write) => write(harmless(text)),
    })
    .configureHelp({
      styleTitle: (text) => outColors().bold(text),
      styleCommandText: (text) => outColors().cyan(text),
      showGlobalOptions: false,
    });
  const wanted = args[0] === "help" ? args[1] : args[0];
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = name === wanted ? await load() : new Command(name);
    program.addCommand(command.description(summary).copyInheritedSettings(program));
  }
  return program;
}

/** Prints what went wrong; gives the exit code. */
function reported(error: unknown): number {
  if (isCompileError(error)) {
    writeErr(`${error.diagnostics.map(printDiagnosticWithSource).join("\n\n")}\n`);
    return exitCodes.userError;
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
  const c = errColors();
  if (error instanceof UsageError) {
    writeErr(
      `${c.red(c.bold("error:"))} ${harmless(error.message)}\n${error.help === undefined ? "" : `  ${c.green("help:")} ${harmless(error.help)}\n`}`,
    );
    return exitCodes.usage;
  }
  if (error instanceof Error && error.name === "AbortError") return exitCodes.interrupted;
  if (error instanceof SaidAlready) return exitCodes.userError;
  writeErr(`${c.red(c.bold("internal error:"))} this is a fault of striate ${version}, please report it\n`);
  writeErr(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.userError;
}
