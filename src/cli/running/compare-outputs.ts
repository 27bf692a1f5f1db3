/** Two models' outputs on the same input, run by onnxruntime. */
import { type Dim, symbolsOf } from "../../ir/dim.ts";
import { printType, type TensorType, type Value } from "../../ir/graph.ts";
import { numbersOf, type TensorData } from "../../ir/tensor-data.ts";
import { type Difference, differenceOf, pairValues } from "../../passes/index.ts";
import { createSession, type Session } from "../../runtime/index.ts";
import { type ImageReading, runInputs } from "../input/run-inputs.ts";
import { inputFor, type Sizes } from "./verify-passes.ts";

/** A model to run. */
export interface Runnable {
  /** What messages call it. */
  readonly name: string;
  /** The file, or the bytes of a compiled model. */
  readonly model: string | Uint8Array;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}
/** What both are fed. */
export interface SameInput {
  readonly seed: number;
  /** `FILE` and `NAME=FILE`; inputs from the seed when there are none. */
  readonly files: readonly string[];
  readonly reading: ImageReading;
}
/** One output of both. */
export interface OutputComparison {
  readonly before: string;
  readonly after: string;
  readonly shape: readonly number[];
  /** Null where the shapes differ, or the elements are texts. */
  readonly difference: Difference | null;
  /** The shape of the second model's, where that is another. */
  readonly otherShape: readonly number[] | null;
  /** How often the largest element along the axis of classes is the same one; null for an output that is no score per class. */
  readonly agreement: { readonly same: number; readonly of: number } | null;
}
/** The comparison, or why there is none. */
export type OutputsComparison =
  | {
      readonly ran: true;
      readonly fed: readonly { readonly name: string; readonly type: TensorType }[];
      readonly outputs: readonly OutputComparison[];
    }
  | { readonly ran: false; readonly reason: string };

/** Runs two models on the same input. Throws a CompileError on input files that cannot be read. */
export async function compareOutputs(before: Runnable, after: Runnable, input: SameInput): Promise<OutputsComparison> {
  const sessions: Session[] = [];
  try {
    for (const { model } of [before, after]) sessions.push(await createSession(model));
    const [first, second] = sessions;
    if (first === undefined || second === undefined) return { ran: false, reason: "there is nothing to run" };
    const fed = input.files.length > 0 ? await fromFiles([first, second], input) : fromSeed(before, after, input.seed);
    if (typeof fed === "string") return { ran: false, reason: fed };
    const [x, y] = [await ran(before, first, fed.before), await ran(after, second, fed.after)];
    if (typeof x === "string" || typeof y === "string") return { ran: false, reason: typeof x === "string" ? x : String(y) };
    const fedTypes = Object.entries(fed.before).map(([name, { dtype, shape }]) => ({ name, type: { dtype, shape } }));
    const pairs = pairValues(before.outputs, after.outputs);
    const outputs = [...pairs].flatMap(([a, b]) => {
      const [was, is] = [x[a.name], y[b.name]];
      return was === undefined || is === undefined ? [] : [compared(a.name, was, b.name, is, Object.values(fed.before))];
    });
    return { ran: true, fed: fedTypes, outputs };
  } finally {
    for (const session of sessions) await session.dispose();
  }
}

type Tensors = Readonly<Record<string, TensorData>>;
interface Fed {
  readonly before: Tensors;
  readonly after: Tensors;
}

async function ran({ name }: Runnable, session: Session, feeds: Tensors): Promise<Tensors | string> {
  try {
    return await session.run(feeds);
  } catch (error) {
    return `${name} does not run on it: ${(error instanceof Error ? error.message : String(error)).split("\n")[0]}`;
  }
}

/** Each model's own reading of the files: an image is resized for each of them. */
async function fromFiles(sessions: readonly [Session, Session], { files, reading }: SameInput): Promise<Fed> {
  const [before, after] = await Promise.all(
    sessions.map(async (session) => (await runInputs(files, session.inputs, reading))[0]?.feeds ?? {}),
  );
  return { before: before ?? {}, after: after ?? {} };
}

/** The batch, and other sizes, where a model leaves them open. */
const openSizes = { batch: 4, other: 64 } as const;

/** Seeded inputs of the first model, given to the second; a sentence where the second takes no such thing. */
function fromSeed(before: Runnable, after: Runnable, seed: number): Fed | string {
  const pairs = pairValues(before.inputs, after.inputs);
  const lacking = [...before.inputs.filter((v) => !pairs.has(v)), ...after.inputs.filter((v) => ![...pairs.values()].includes(v))];
  if (lacking.length > 0) return `only one of them has an input "${lacking[0]?.name}"`;
  const sizes = sizesOf(pairs);
  const feeds = [...pairs].map(([x, y]) => [x, y, inputFor(x, sizes, seed)] as const);
  const misfit = feeds.find(([, y, { dtype, shape }]) => y.type.dtype !== dtype || !takes(y.type.shape, shape));
  if (misfit !== undefined)
    return `input "${misfit[0].name}" is ${printType(misfit[0].type)} in one and ${printType(misfit[1].type)} in the other`;
  return {
    before: Object.fromEntries(feeds.map(([x, , data]) => [x.name, data])),
    after: Object.fromEntries(feeds.map(([, y, data]) => [y.name, data])),
  };
}
const takes = (shape: readonly Dim[], given: readonly number[]): boolean =>
  shape.length === given.length && shape.every((dim, i) => typeof dim === "string" || dim === given[i]);

/** A number for each symbol of the first model: what the second says in its place, else a small one. */
function sizesOf(pairs: ReadonlyMap<Value, Value>): Sizes {
  const sizes = new Map<string, number>();
  for (const [x, y] of pairs) {
    x.type.shape.forEach((dim, axis) => {
      const other = y.type.shape[axis];
      if (typeof dim === "string" && typeof other === "number" && symbolsOf(dim).has(dim)) sizes.set(dim, other);
    });
  }
  for (const [x] of pairs) {
    x.type.shape.forEach((dim, axis) => {
      // In 32 * H the symbol counts pieces, not pixels.
      for (const symbol of symbolsOf(dim))
        if (!sizes.has(symbol)) sizes.set(symbol, axis === 0 ? openSizes.batch : symbol === dim ? openSizes.other : 2);
    });
  }
  return sizes;
}

function compared(before: string, x: TensorData, after: string, y: TensorData, fed: readonly TensorData[]): OutputComparison {
  const isSame = x.shape.join() === y.shape.join();
  return {
    before,
    after,
    shape: x.shape,
    otherShape: isSame ? null : y.shape,
    difference: isSame ? differenceOf(x, y) : null,
    agreement: isSame && isScorePerClass(x, fed) ? agreementOf(x, y) : null,
  };
}

/** float[N, classes], or float[N, classes, H, W] with the height and width of an input. */
const isScorePerClass = ({ dtype, shape }: TensorData, fed: readonly TensorData[]): boolean =>
  dtype.startsWith("float") &&
  (shape[1] ?? 0) > 1 &&
  (shape.length === 2 ||
    (shape.length === 4 && fed.some((input) => input.shape.length === 4 && input.shape.slice(2).join() === shape.slice(2).join())));

function agreementOf(x: TensorData, y: TensorData): OutputComparison["agreement"] {
  const [a, b] = [numbersOf(x) ?? [], numbersOf(y) ?? []];
  const [batch = 0, classes = 0, ...rest] = x.shape;
  const area = rest.reduce((n, d) => n * d, 1);
  const best = (values: readonly number[], n: number, i: number): number => {
    let [found, most] = [0, Number.NEGATIVE_INFINITY];
    for (let k = 0; k < classes; k++) {
      const value = values[(n * classes + k) * area + i] ?? Number.NaN;
      if (value > most) [found, most] = [k, value];
    }
    return found;
  };
  let same = 0;
  for (let n = 0; n < batch; n++) for (let i = 0; i < area; i++) if (best(a, n, i) === best(b, n, i)) same++;
  return { same, of: batch * area };
}
