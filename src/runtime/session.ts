/** Sessions: a model ready to run, with its inputs and outputs checked by name, dtype and shape. */

import type { TensorData } from "../ir/tensor-data.ts";
import { openSession } from "./ort-session.ts";
import type { ProviderReport } from "./providers.ts";
import type { SessionOptions } from "./session-options.ts";
import type { ModelSource } from "./source-map.ts";
import type { Feeds, Port, TensorHandle } from "./tensor-handle.ts";
import type { ModelOf, TypedModel, TypedSession } from "./typed-session.ts";
import type { ExpectedTensor } from "./weights.ts";

/** What a bound run reads, writes and returns. */
export interface Binding {
  /** Inputs that stay the same tensors in every run; their contents are read anew each time. */
  readonly inputs: Readonly<Record<string, TensorHandle>>;
  /** Outputs that are written into tensors of the caller's; none of them may be an input too. */
  readonly outputs: Readonly<Record<string, TensorHandle>>;
  /** Outputs that are returned as host tensors. */
  readonly results: readonly string[];
}
/** Runs with the remaining inputs. Throws a CompileError when they do not fit. */
export type BoundRun = (feeds: Feeds) => Promise<Readonly<Record<string, TensorData>>>;

/**
 * A model ready to run. State that goes from one run to the next is kept in handles, which a backend may hold on a device: nothing here
 * makes it pass through JavaScript arrays.
 */
export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Where it really runs. */
  readonly provider: ProviderReport;
  /** Runs once and returns the outputs named, or all. Throws a CompileError on feeds that do not fit, and on the runtime's own errors. */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Readonly<Record<string, TensorData>>>;
  /** Checks a binding once, for many runs. */
  bind(binding: Binding): BoundRun;
  /** A copy of a host tensor where this session wants its inputs. */
  upload(tensor: TensorData): TensorHandle;
  /** A zeroed tensor where this session wants its inputs. */
  allocate(type: Pick<ExpectedTensor, "dtype" | "shape">): TensorHandle;
  /** Copies a host tensor into a handle of its dtype and shape. */
  write(handle: TensorHandle, tensor: TensorData): void;
  /** A copy of a handle's contents. */
  read(handle: TensorHandle): Promise<TensorData>;
  /** Frees the model's memory; running afterwards is an error, disposing again is none. */
  dispose(): Promise<void>;
}

/**
 * Makes a session from a model's bytes, or from its file, which may have external data and be larger than 2 GiB. Providers are tried in
 * order; `session.provider` says which one it is and why earlier ones are not. Throws a CompileError when none works, when the model is
 * not one that onnxruntime can run, and on options that would have no effect.
 *
 * `createSession<typeof model>` checks feeds and tells results in the editor too: `model` is a model written in TypeScript, a function that
 * makes one, or the default export of a file that `striate types` wrote.
 */
export function createSession(model: ModelSource, options?: SessionOptions): Promise<Session>;
export function createSession<M extends TypedModel>(model: ModelSource, options?: SessionOptions): Promise<TypedSession<ModelOf<M>>>;
export function createSession(model: ModelSource, options: SessionOptions = {}): Promise<unknown> {
  return openSession(model, options);
}

/**
 * A session for steps that hand large state on: outputs of a bound run are written in place and nowhere else. For that the graph gets one
 * output more, which is not among `outputs`. Otherwise as createSession.
 */
export function createStepSession(model: ModelSource, options: SessionOptions = {}): Promise<Session> {
  return openSession(model, options, true);
}
