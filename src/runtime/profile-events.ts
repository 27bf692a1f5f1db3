/** What onnxruntime's profiler writes down: one event for each call of a kernel and for each run. */
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";

/** One call of a kernel. */
export interface KernelEvent {
  /** The node's name. */
  readonly name: string;
  readonly opType: string;
  readonly microseconds: number;
  /** Bytes of the values that it read, of the constants that it read, and of what it wrote. */
  readonly inputBytes: number;
  readonly parameterBytes: number;
  readonly outputBytes: number;
  /** What has been asked of the allocator and not been given back when the kernel is done; null where there is no arena. */
  readonly heldBytes: number | null;
  /** By how much the kernel has changed that. */
  readonly heldChange: number | null;
}
/** One run. */
export interface RunEvents {
  readonly microseconds: number;
  /** In the order of execution. Kernels within the graphs of a Loop or an If are part of that node's. */
  readonly kernels: readonly KernelEvent[];
}

/** Larger profiles are refused: they would take some gigabytes as objects. */
export const mostProfileBytes = 2 ** 27;
const longestName = 1000;
const kernelSuffix = "_kernel_time";
const withBodies: ReadonlySet<string> = new Set(["If", "Loop", "Scan"]);

/** The runs in a profile, in their order. Throws a CompileError on what is no profile. */
export function parseProfile(bytes: Uint8Array): readonly RunEvents[] {
  if (bytes.length > mostProfileBytes)
    throw userError("profile", `onnxruntime's profile has ${bytes.length} bytes, and at most ${mostProfileBytes} are read`, nowhere, {
      help: "give fewer --runs",
    });
  const events = eventsIn(bytes)
    .flatMap((event) => (isRecord(event) ? [event] : []))
    .flatMap(timed)
    .sort((a, b) => a.start - b.start || b.microseconds - a.microseconds);
  const runs = events.filter(({ event }) => event["name"] === "model_run");
  const calls = events.filter(({ event }) => event["cat"] === "Node" && text(event["name"]).endsWith(kernelSuffix));
  let at = 0;
  return runs.map((run) => {
    const end = run.start + run.microseconds;
    const own: Timed[] = [];
    for (let call = calls[at]; call !== undefined && call.start <= end; call = calls[++at]) if (call.start >= run.start) own.push(call);
    return { microseconds: run.microseconds, kernels: outermost(own).map(kernelEvent) };
  });
}

type Fields = Readonly<Record<string, unknown>>;
interface Timed {
  readonly event: Fields;
  /** In microseconds since the profiler's start. */
  readonly start: number;
  readonly microseconds: number;
}
const isRecord = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

function eventsIn(bytes: Uint8Array): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8").decode(bytes));
    if (Array.isArray(parsed)) return parsed;
  } catch {
    // Said below.
  }
  throw userError("profile", "onnxruntime's profile is no list of events", nowhere);
}
function timed(event: Fields): readonly Timed[] {
  const { ts, dur } = event;
  return typeof ts === "number" && typeof dur === "number" && ts >= 0 && dur >= 0 ? [{ event, start: ts, microseconds: dur }] : [];
}

function outermost(calls: readonly Timed[]): readonly Timed[] {
  let end = -1;
  return calls.filter(({ event, start, microseconds }) => {
    if (start < end) return false;
    if (withBodies.has(text(argsOf(event)["op_name"]))) end = start + microseconds;
    return true;
  });
}

function kernelEvent({ event, microseconds }: Timed): KernelEvent {
  const args = argsOf(event);
  return {
    name: text(event["name"]).slice(0, -kernelSuffix.length),
    opType: text(args["op_name"]),
    microseconds,
    inputBytes: count(args["activation_size"]) ?? 0,
    parameterBytes: count(args["parameter_size"]) ?? 0,
    outputBytes: count(args["output_size"]) ?? 0,
    heldBytes: count(args["mem_bytes_requested_in_use"]),
    heldChange: count(args["mem_requested_in_use_delta"]),
  };
}
const argsOf = ({ args }: Fields): Fields => (isRecord(args) ? args : {});
const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, longestName) : "");
/** Counts are written as texts. */
function count(value: unknown): number | null {
  const number = typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : null;
  return number !== null && Number.isSafeInteger(number) ? number : null;
}
