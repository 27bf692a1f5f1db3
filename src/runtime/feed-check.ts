/** Whether feeds fit a session's inputs: found out before the native call, in the user's words. */

import { type Note, userError } from "../ir/diagnostic.ts";
import { parseDim, substitute, symbolsOf } from "../ir/dim.ts";
import type { DType } from "../ir/dtype.ts";
import { printType } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { printShape } from "../ir/shape.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { type Feed, isHandle, type Port } from "./tensor-handle.ts";

/** A size that a name stands for, and the axis that said so. */
export interface BoundSize {
  readonly size: number;
  readonly by: string;
}
/** The sizes that names stand for in one run. */
export type Sizes = ReadonlyMap<string, BoundSize>;

/** `float32[N, 3, 32, 32]`, with "?" for sizes about which nothing is said. */
const printPort = (port: Port): string =>
  port.dtype === null || port.shape === null
    ? port.description
    : printType({ dtype: port.dtype, shape: port.shape.map((dim) => (dim === "" ? "?" : dim)) });

/**
 * Checks feeds against the inputs of the same names, and returns what the names of sizes stand for: those in `known` and the new ones.
 * Throws a CompileError on a wrong name, dtype, rank, size, or number of elements, and on two sizes for one name. Missing inputs are
 * told where `complete`.
 */
export function checkFeeds(ports: readonly Port[], feeds: ReadonlyMap<string, Feed>, known: Sizes | undefined, complete: boolean): Sizes {
  checkNames(ports, feeds, complete);
  const sizes = new Map(known);
  const fed = ports.flatMap((port) => {
    const feed = feeds.get(port.name);
    return feed === undefined ? [] : [{ port, feed }];
  });
  for (const { port, feed } of fed) checkTensor(port, feed);
  for (const { port, feed } of fed) bindSizes(port, feed, sizes, ports);
  for (const { port, feed } of fed) checkExpressions(port, feed, sizes);
  return sizes;
}

const listed = (ports: readonly Port[]): readonly Note[] =>
  ports.map((port) => ({ message: `input "${port.name}" is ${printPort(port)}`, location: nowhere }));

function checkNames(ports: readonly Port[], feeds: ReadonlyMap<string, Feed>, complete: boolean): void {
  const names = new Set(ports.map((port) => port.name));
  for (const name of feeds.keys()) {
    if (!names.has(name)) throw userError("feed-name", `the model has no input "${name}"`, nowhere, { notes: listed(ports) });
  }
  const missing = complete ? ports.filter((port) => !feeds.has(port.name)) : [];
  if (missing.length > 0) {
    throw userError("feed-name", `no tensor for ${missing.map((port) => `"${port.name}"`).join(", ")}`, nowhere, {
      notes: listed(missing),
    });
  }
}

function checkTensor(port: Port, feed: Feed): void {
  const fault = (code: string, problem: string, help?: string): Error =>
    userError(code, `input "${port.name}": ${problem}`, nowhere, help === undefined ? {} : { help });
  if (port.dtype === null) throw fault("feed-dtype", `is ${port.description}, which onnxruntime-node cannot be fed`);
  if (feed.dtype !== port.dtype)
    throw fault("feed-dtype", `is ${printType(feed)}, wanted ${printPort(port)}`, castHelp(feed.dtype, port.dtype));
  if (!isHandle(feed)) checkContents(feed, fault);
  if (port.shape === null) return;
  if (feed.shape.length !== port.shape.length) {
    const batched = feed.shape.length + 1 === port.shape.length;
    throw fault(
      "feed-shape",
      `is ${printType(feed)}, wanted ${printPort(port)}: ${feed.shape.length} axes, not ${port.shape.length}`,
      batched ? "put a batch axis of size 1 in front" : undefined,
    );
  }
  const axis = port.shape.findIndex((dim, i) => typeof dim === "number" && dim !== feed.shape[i]);
  if (axis >= 0)
    throw fault(
      "feed-shape",
      `is ${printType(feed)}, wanted ${printPort(port)}: axis ${axis} is ${feed.shape[axis]}, not ${port.shape[axis]}`,
    );
}
const castHelp = (got: DType, wanted: DType): string | undefined =>
  got === "float64" || got === "int32" || got === "uint8" ? `make it ${wanted} before it is fed` : undefined;

/** The array behind a tensor is of its dtype and as long as its shape says. */
function checkContents({ dtype, shape, data }: TensorData, fault: (code: string, problem: string) => Error): void {
  const array = ArrayBuffer.isView(data) ? data.constructor.name : "Array";
  if (!arraysOf[dtype].includes(array)) throw fault("feed-data", `is ${dtype} in a ${array}, wanted a ${arraysOf[dtype][0]}`);
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) throw fault("feed-data", `has ${data.length} elements, its shape ${printShape(shape)} has ${count}`);
}
/** The arrays that hold a dtype; what TensorData has comes first. */
const arraysOf: Readonly<Record<DType, readonly string[]>> = {
  float32: ["Float32Array"],
  float64: ["Float64Array"],
  float16: ["Uint16Array", "Float16Array"],
  bfloat16: ["Uint16Array"],
  int8: ["Int8Array"],
  int16: ["Int16Array"],
  int32: ["Int32Array"],
  int64: ["BigInt64Array"],
  uint8: ["Uint8Array", "Buffer", "Uint8ClampedArray"],
  uint16: ["Uint16Array"],
  uint32: ["Uint32Array"],
  uint64: ["BigUint64Array"],
  bool: ["Uint8Array", "Buffer"],
  string: ["Array"],
};

/** A name alone, as opposed to an expression of names. */
const isName = (dim: string): boolean => /^[^\s+\-*/()]+$/.test(dim);

function bindSizes(port: Port, feed: Feed, sizes: Map<string, BoundSize>, ports: readonly Port[]): void {
  port.shape?.forEach((dim, axis) => {
    const size = feed.shape[axis];
    if (typeof dim === "number" || dim === "" || size === undefined || !isName(dim)) return;
    const bound = sizes.get(dim);
    if (bound === undefined) sizes.set(dim, { size, by: `axis ${axis} of "${port.name}"` });
    else if (bound.size !== size) {
      const notes = listed(ports.filter((other) => other.shape?.includes(dim)));
      throw userError("feed-shape", `${dim} is ${size} by axis ${axis} of "${port.name}", but ${bound.size} by ${bound.by}`, nowhere, {
        notes,
      });
    }
  });
}

/** Sizes such as "2*N" agree with what their names stand for. */
function checkExpressions(port: Port, feed: Feed, sizes: Sizes): void {
  port.shape?.forEach((dim, axis) => {
    if (typeof dim === "number" || dim === "" || isName(dim)) return;
    const wanted = evaluate(dim, sizes);
    if (wanted !== null && wanted !== feed.shape[axis]) {
      throw userError(
        "feed-shape",
        `input "${port.name}" is ${printType(feed)}, wanted ${printPort(port)}: axis ${axis} is ${feed.shape[axis]}, not ${dim} = ${wanted}`,
        nowhere,
      );
    }
  });
}
function evaluate(dim: string, sizes: Sizes): number | null {
  try {
    const parsed = parseDim(dim);
    const values = new Map(
      [...symbolsOf(parsed)].flatMap((name) => (sizes.has(name) ? [[name, sizes.get(name)?.size ?? 0] as const] : [])),
    );
    const value = substitute(parsed, values);
    return typeof value === "number" ? value : null;
  } catch (error) {
    // A name of somebody else's that is no expression of ours says nothing that can be checked.
    if (error instanceof RangeError) return null;
    throw error;
  }
}
