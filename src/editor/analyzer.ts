/** Runs model files in a process of their own, with limits of time and memory, and starts another when that process had to end. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { overlayPreload } from "./overlay-hooks.ts";
import type { Analysis, Details, Overlay, WorkerMessage } from "./protocol.ts";

/** Limits for what a user's file may use. */
export interface AnalyzerLimits {
  /** Milliseconds for one analysis. */
  readonly timeLimit: number;
  /** Megabytes of memory. */
  readonly memoryLimit: number;
}
/** What became of an analysis. */
export type Outcome =
  | { readonly kind: "analysis"; readonly analysis: Analysis }
  /** The process was stopped, or ended on its own; `why` is a sentence without its end. */
  | { readonly kind: "stopped"; readonly why: string }
  /** The analyzer was disposed of. */
  | { readonly kind: "cancelled" };

/** Analyses model files; one at a time. */
export interface Analyzer {
  /** Analyses a file. Details come later, if they are asked for and nothing newer is, and only once. */
  analyze(file: string, overlays: readonly Overlay[], onDetails?: (details: Details) => void): Promise<Outcome>;
  /** Ends the process. */
  dispose(): void;
}

const inSources = import.meta.url.endsWith(".ts");
const workerFile = fileURLToPath(new URL(`./analyze-worker.${inSources ? "ts" : "js"}`, import.meta.url));
/** A process takes a new copy of the user's files with each analysis; after this many it is replaced. */
const mostRuns = 200;

interface Running {
  readonly id: number;
  readonly settle: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
}
interface Worker {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  runs: number;
  /** The last lines that it wrote to standard error. */
  errors: string;
  /** Why it was stopped, once it was. */
  stopped: string | null;
}

/** Starts an analyzer, and its first process at once. */
export function createAnalyzer(limits: AnalyzerLimits): Analyzer {
  let [ids, disposed] = [0, false];
  let running: Running | null = null;
  let onDetails: { readonly id: number; readonly tell: (details: Details) => void } | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  let worker: Worker | null = start();

  function start(): Worker {
    const started = startWorker(limits, (message) => {
      if (message.kind === "analysis" && running?.id === message.id) finish({ kind: "analysis", analysis: message.analysis });
      const listener = onDetails;
      // Messages that come in one piece are told in one turn: whoever waits for the analysis goes first.
      if (message.kind === "details" && listener?.id === message.id) setImmediate(() => listener.tell(message.details));
    });
    const memoryWatch = setInterval(() => {
      if (residentMegabytes(started.process.pid) > limits.memoryLimit * 2 + 256)
        stop(started, `it used more than ${limits.memoryLimit} MB of memory`);
    }, 100).unref();
    started.process.on("exit", (code, signal) => {
      clearInterval(memoryWatch);
      if (worker !== started) return;
      // The next analysis finds a process that has started in the meantime; one that ends before it has run anything would do so again.
      worker = disposed || started.runs === 0 ? null : start();
      finish({ kind: "stopped", why: started.stopped ?? whyItEnded(started.errors, code, signal, limits) });
    });
    return started;
  }
  function finish(outcome: Outcome): void {
    if (running === null) return;
    clearTimeout(running.timer);
    const { settle } = running;
    running = null;
    settle(outcome);
  }
  function stop(which: Worker, why: string): void {
    which.stopped ??= why;
    which.process.kill("SIGKILL");
  }
  /** The process, or another in place of one that has grown old. */
  function freshWorker(): Worker {
    const old = worker;
    if (old !== null && old.runs < mostRuns) return old;
    worker = start();
    old?.process.kill("SIGKILL");
    return worker;
  }
  async function run(file: string, overlays: readonly Overlay[], tell?: (details: Details) => void): Promise<Outcome> {
    if (disposed) return { kind: "cancelled" };
    const current = freshWorker();
    await current.ready;
    const id = ++ids;
    onDetails = tell === undefined ? null : { id, tell };
    return new Promise((settle) => {
      const timer = setTimeout(() => stop(current, `it did not end within ${limits.timeLimit / 1000} s`), limits.timeLimit);
      running = { id, settle, timer };
      if (!current.process.connected)
        return finish({ kind: "stopped", why: whyItEnded(current.errors, current.process.exitCode, null, limits) });
      current.runs++;
      current.process.send({ id, file, overlays, details: tell !== undefined });
    });
  }
  return {
    analyze(file, overlays, tell) {
      const result = queue.then(() => run(file, overlays, tell));
      queue = result;
      return result;
    },
    dispose() {
      disposed = true;
      worker?.process.kill("SIGKILL");
      finish({ kind: "cancelled" });
    },
  };
}

function startWorker({ memoryLimit }: AnalyzerLimits, tell: (message: WorkerMessage) => void): Worker {
  // In a checkout the process itself needs tsx, which must come behind the hooks that the process registers elsewhere.
  const loader = inSources ? ["--import", overlayPreload, "--import", import.meta.resolve("tsx/esm")] : [];
  const child = fork(workerFile, [], {
    execArgv: [`--max-old-space-size=${memoryLimit}`, ...loader],
    // What a model file prints is nobody's: standard output may be the editor's channel.
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  let isReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const worker: Worker = { process: child, ready, runs: 0, errors: "", stopped: null };
  child.stderr?.on("data", (chunk: Buffer) => {
    worker.errors = (worker.errors + chunk.toString("utf8")).slice(-4000);
  });
  child.on("message", (message) => {
    const said = workerMessage(message);
    if (said.kind === "ready") isReady();
    else tell(said);
  });
  child.on("exit", isReady);
  child.on("error", isReady);
  return worker;
}
/** Sound because the worker sends nothing else; what a user's file sends over the channel of its process is its own loss. */
const workerMessage = (message: unknown): WorkerMessage => message as WorkerMessage;

/** The memory of a process; 0 where the system does not tell. */
function residentMegabytes(pid: number | undefined): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return (pages * 4096) / 1e6;
  } catch {
    return 0;
  }
}

function whyItEnded(errors: string, code: number | null, signal: string | null, { memoryLimit }: AnalyzerLimits): string {
  if (/heap out of memory|Allocation failed/.test(errors)) return `it used more than ${memoryLimit} MB of memory`;
  // Warnings of Node's own are no reason.
  const said = errors.split("\n").findLast((line) => /^\s*(?:\w*Error|FATAL)/.test(line));
  if (code !== null && said === undefined) return `it ended its process with exit code ${code}`;
  return `its process ended${signal === null ? ` with exit code ${code}` : ` by ${signal}`}${said === undefined ? "" : `: ${said.trim()}`}`;
}
