/** The command line as its users run it: in a process of its own. */
import { execFile } from "node:child_process";
import { inject } from "vitest";

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** This process's environment without colours: Node warns on standard error where both variables are set. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1" };
}
/** Runs striate with arguments in a folder. */
export function striate(cwd: string, ...args: readonly string[]): Promise<CommandResult> {
  return new Promise((done) => {
    const env = plainEnvironment();
    const child = execFile(process.execPath, [inject("program"), ...args], { cwd, env, maxBuffer: 2 ** 26 }, (_, stdout, stderr) => {
      done({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
