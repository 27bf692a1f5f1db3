import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const child = new URL("./train-in-child.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "striate-kill-"));

/** Runs the child and kills it after some milliseconds from its first logged step, or lets it end. */
function trainUntil(what: string, run: string, log: string, killAfter: number | null): Promise<"killed" | "done"> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, ["--import", "tsx", child, what, run, log], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    process_.stderr.on("data", (text) => {
      stderr += String(text);
    });
    const before = existsSync(log) ? readFileSync(log).length : 0;
    const watch = setInterval(() => {
      if (killAfter === null || !existsSync(log) || readFileSync(log).length === before) return;
      clearInterval(watch);
      setTimeout(() => process_.kill("SIGKILL"), killAfter);
    }, 2);
    process_.on("exit", (code, signal) => {
      clearInterval(watch);
      if (signal === "SIGKILL") resolve("killed");
      else if (code === 0) resolve("done");
      else reject(new Error(stderr));
    });
  });
}

// Delays of no pattern, the same in every run of this test; the machine's own timing does the rest.
test.each([
  ["regression", [0, 17, 53, 8, null]],
  ["simple-cnn", [12, 70, null]],
] as const)("a %s run killed at any moment goes on with the losses of one that was never stopped, bit for bit", async (what, delays) => {
  const whole = join(folder, `${what}.log`);
  const [wholeRun, run] = [join(folder, `${what}-whole`), join(folder, `${what}-killed`)];
  expect(await trainUntil(what, wholeRun, whole, null)).toBe("done");
  const reference = readFileSync(whole, "utf8").trim().split("\n");
  expect(reference.length).toBe(8 * 6 + 8);

  const log = join(folder, `${what}-killed.log`);
  let kills = 0;
  for (const delay of delays) if ((await trainUntil(what, run, log, delay)) === "killed") kills++;
  expect(kills).toBeGreaterThanOrEqual(2);

  const lines = readFileSync(log, "utf8").trim().split("\n");
  // Steps after the last checkpoint are done again: every line is one of the reference's, and all of those are there.
  expect(lines.filter((line) => !reference.includes(line))).toEqual([]);
  expect(reference.filter((line) => !lines.includes(line))).toEqual([]);
  expect(readdirSync(run)).toEqual(["checkpoint.safetensors"]);
  expect(readFileSync(join(run, "checkpoint.safetensors")).equals(readFileSync(join(wholeRun, "checkpoint.safetensors")))).toBe(true);
});
