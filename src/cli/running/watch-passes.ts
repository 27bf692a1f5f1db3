/** Watches the passes of a compilation: prints graphs, and proves that each pass keeps what is computed. */
import { type Compilable, type CompileOptions, type InputShapes, targetOf } from "../../compile/index.ts";
import { isCompileError, userError } from "../../ir/diagnostic.ts";
import { nowhere } from "../../ir/location.ts";
import { printGraph } from "../../ir/print.ts";
import { type OptimizeOptions, type PassRun, passNames } from "../../passes/index.ts";
import { present } from "../input/shared-options.ts";
import { oneOf } from "../input/usage.ts";
import { verificationText } from "../output/explain-passes.ts";
import { harmless, writeErr } from "../output/terminal.ts";
import { joinVerifications, oddShapes } from "./odd-sizes.ts";
import { type Verification, verifyPasses } from "./verify-passes.ts";

/** What the command line says about passes. */
export interface PassFlags {
  readonly verify?: boolean;
  readonly until?: string;
  readonly without: readonly string[];
  readonly printAfter: readonly string[];
  readonly seed?: number;
}
/** What is compiled, and how it is compiled again with other shapes. */
export interface Recompilation {
  readonly model: Compilable;
  readonly options: CompileOptions;
  again(shapes: InputShapes): unknown;
}
/** Which passes run, and the proof of what they did, where it is asked for. */
export interface Watched {
  readonly passes: OptimizeOptions;
  /**
   * Runs the graphs before and after each pass, in several batches, and once more compiled for images of odd sizes where the model has
   * images of a fixed size and can be built for others. Throws a CompileError when one of them computes something else.
   */
  verified(compiled: Recompilation): Promise<Verification | null>;
}

/** The name of a pass. Throws a UsageError on anything else. */
export const passNamed = (option: string, text: string): string => oneOf(option, text, passNames);

/** Watches the passes as the command line says. */
export function watchPasses({ until, without, printAfter, verify, seed = 0 }: PassFlags): Watched {
  const runs: PassRun[] = [];
  const printed = new Set(printAfter.map((name) => passNamed("--print-after", name)));
  const onPass = (run: PassRun): void => {
    if (verify === true) runs.push(run);
    if (printed.has(run.name) && run.result.graph !== run.before) writeErr(`after ${run.name}:\n${harmless(printGraph(run.result.graph))}`);
  };
  return {
    passes: { without: without.map((name) => passNamed("--without", name)), onPass, ...present({ until }) },
    verified: async ({ model, options, again }) => {
      if (verify !== true) return null;
      const prove = async (): Promise<Verification> => refuseBroken(await verifyPasses(runs.splice(0), targetOf(options), seed));
      const first = await prove();
      const odd = oddShapes(model, options.shapes ?? {});
      if (odd === null) return first;
      printed.clear();
      try {
        again(odd);
      } catch (error) {
        if (!isCompileError(error)) throw error;
        // A model that is made for one size, or weights for it: its passes are proven for that one.
        return first;
      }
      return joinVerifications(first, await prove(), odd);
    },
  };
}
function refuseBroken(verification: Verification): Verification {
  const wrong = verification.verdicts.find((verdict) => verdict.error > verdict.tolerance);
  if (wrong === undefined) return verification;
  throw userError(
    "verify",
    `the graph computes something else after ${wrong.pass}:\n${verificationText(verification)}`,
    wrong.culprit?.location ?? nowhere,
    { help: `compile with --without ${wrong.pass}, and report this as a fault of striate` },
  );
}
