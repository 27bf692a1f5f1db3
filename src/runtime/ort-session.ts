/** The session over onnxruntime-node. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type ort from "onnxruntime-node";
import { type CompileError, type Note, userError } from "../ir/diagnostic.ts";
import { dtypeFromOnnx, dtypes } from "../ir/dtype.ts";
import { printType } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { sameShape, staticShape } from "../ir/shape.ts";
import { bytesOf, type TensorData, zeros } from "../ir/tensor-data.ts";
import { missingLibraries } from "./cuda-report.ts";
import { checkFeeds, type Sizes } from "./feed-check.ts";
import { isStop, stopOutput, withStopOutput } from "./in-place.ts";
import { nativeError } from "./native-error.ts";
import { onnxruntime } from "./onnxruntime.ts";
import { fromOrt, toOrt } from "./ort-tensor.ts";
import { checkBoundOutputs, portsOf, withOpenRanks } from "./ports.ts";
import { type Provider, type ProviderReport, providerHindrance, resolveProviders } from "./providers.ts";
import type { Binding, BoundRun, Session } from "./session.ts";
import { nativeOptions, type SessionOptions } from "./session-options.ts";
import { type Locate, locateIn, type ModelSource, readModelProto } from "./source-map.ts";
import { type Feed, type Feeds, isHandle, type Port, type TensorHandle } from "./tensor-handle.ts";

/** Makes the session; see createSession and createStepSession. */
export async function openSession(source: ModelSource, options: SessionOptions, inPlace = false): Promise<Session> {
  if (typeof source === "string" && !existsSync(source)) throw userError("model-file", `${source}: there is no such file`, nowhere);
  const providers = resolveProviders(options.providers ?? ["cpu"]);
  // The stop output is made on the CPU, which a provider without fallback would refuse.
  const { model, config } =
    inPlace && providers.every((provider) => Object.keys(provider.config).length === 0) ? stopping(source) : { model: source, config: {} };
  const native = nativeOptions({ ...options, config: { ...config, ...options.config } });
  const locate = options.locate ?? locateIn(source);
  const passedOver: { name: Provider["name"]; reason: string }[] = [];
  let last: CompileError | undefined;
  for (const provider of providers) {
    const hindrance = providerHindrance(provider.name);
    if (hindrance !== null) {
      passedOver.push({ name: provider.name, reason: hindrance });
      continue;
    }
    try {
      const extra = { ...native.extra, ...provider.config };
      const session = await create(model, { ...native, extra, executionProviders: [provider.native] });
      return new OrtSession(session, source, { name: provider.name, place: provider.place, passedOver }, locate);
    } catch (error) {
      last = creationError(error, locate, source, provider.name);
      passedOver.push({ name: provider.name, reason: last.diagnostics[0]?.message ?? last.message });
    }
  }
  if (providers.length === 1 && last !== undefined) throw last;
  const notes = passedOver.map(({ name, reason }): Note => ({ message: `${name}: ${reason}`, location: nowhere }));
  throw userError(
    "provider",
    `the model runs on none of ${providers.map(({ name }) => name).join(", ")}`,
    last?.diagnostics[0]?.location ?? nowhere,
    { notes },
  );
}

/** The model with an output at which onnxruntime-node stops, or as it is where that cannot be. */
function stopping(source: ModelSource): { readonly model: ModelSource; readonly config: Readonly<Record<string, string>> } {
  const proto = readModelProto(source);
  const model = proto === null ? null : withStopOutput(proto);
  if (model === null) return { model: source, config: {} };
  // External data lies beside the file, where a model given as bytes does not look by itself.
  return {
    model,
    config: typeof source === "string" ? { "session.model_external_initializers_file_folder_path": dirname(resolve(source)) } : {},
  };
}

const create = (model: ModelSource, options: ort.InferenceSession.SessionOptions): Promise<ort.InferenceSession> =>
  typeof model === "string"
    ? onnxruntime().InferenceSession.create(model, options)
    : onnxruntime().InferenceSession.create(unshared(model), options);
const unshared = (bytes: Uint8Array): Uint8Array => (bytes.buffer instanceof SharedArrayBuffer ? bytes.slice() : bytes);

function creationError(error: unknown, locate: Locate, source: ModelSource, provider: Provider["name"]): CompileError {
  const missing = missingKernel(error, source);
  if (missing !== null) {
    const place = `onnxruntime's ${provider} provider has no bfloat16 kernel of ${missing.opType}`;
    return userError(
      "bfloat16-kernel",
      missing.node === "" ? place : `${place}, which "${missing.node}" is`,
      locate(missing.node) ?? nowhere,
      {
        help:
          provider === "cpu"
            ? "run the model on cuda, or compile it without --bfloat16"
            : "compile the model without --bfloat16, or keep this op in float32",
      },
    );
  }
  if (/Failed to load shared library/.test(String(error)))
    return userError("provider", `its library cannot be loaded: ${missingLibraries() ?? String(error)}`, nowhere);
  const code = /^Unsupported data type: (\d+)$/.exec(error instanceof Error ? error.message : "")?.[1];
  if (code === undefined) return nativeError(error, "onnxruntime does not take the model", locate);
  const dtype = dtypeFromOnnx(Number(code)) ?? `the element type ${code}`;
  return userError("session-dtype", `the model has an input or output of ${dtype}, which onnxruntime-node cannot hold`, nowhere, {
    help: "cast it to float32 or float16 within the graph",
  });
}

/** The op that a model with bfloat16 in it was refused for; null for other models and other errors. */
function missingKernel(error: unknown, source: ModelSource): { readonly opType: string; readonly node: string } | null {
  const found = /Could not find an implementation for (\w+)\(\d+\) node with name '([^']*)'/.exec(String(error));
  if (found === null) return null;
  const { bfloat16 } = dtypes;
  const graph = readModelProto(source)?.graph;
  const isShort =
    graph?.initializer?.some(({ dataType }) => dataType === bfloat16.onnx) === true ||
    graph?.node?.some((node) => node.attribute?.some(({ name, i }) => name === "to" && Number(i) === bfloat16.onnx)) === true;
  return isShort ? { opType: found[1] ?? "", node: found[2] ?? "" } : null;
}

/** The tensors behind the handles, which nobody else can get at. */
const tensors = new WeakMap<TensorHandle, ort.Tensor>();
/** onnxruntime-node keeps all tensors in the host's memory, whatever the provider. */
const place = "cpu";

function handleOf(tensor: TensorData): TensorHandle {
  const handle: TensorHandle = { kind: "handle", dtype: tensor.dtype, shape: [...tensor.shape], place };
  tensors.set(handle, toOrt(tensor));
  return handle;
}
function tensorBehind(handle: TensorHandle): ort.Tensor {
  const tensor = tensors.get(handle);
  if (tensor === undefined)
    throw userError("handle", `a tensor at ${handle.place} belongs to another backend`, nowhere, {
      help: "read it there and upload it here",
    });
  return tensor;
}
const native = (feed: Feed): ort.Tensor => (isHandle(feed) ? tensorBehind(feed) : toOrt(feed));

/** What is known of a run before its feeds. */
interface CheckContext {
  readonly complete?: boolean;
  readonly sizes?: Sizes;
  readonly bound?: Binding["inputs"];
}

class OrtSession implements Session {
  readonly outputs: readonly Port[];
  readonly provider: ProviderReport;
  readonly #session: ort.InferenceSession;
  readonly #model: ModelSource;
  readonly #locate: Locate;
  /** Whether the graph has the output at which a run stops before outputs are copied. */
  readonly #stops: boolean;
  #inputs: readonly Port[];
  #disposed = false;

  constructor(session: ort.InferenceSession, model: ModelSource, provider: ProviderReport, locate: Locate) {
    this.#session = session;
    this.#inputs = portsOf(session.inputMetadata);
    this.#stops = session.outputNames[0] === stopOutput;
    this.outputs = portsOf(session.outputMetadata).filter((port) => port.name !== stopOutput);
    this.provider = provider;
    this.#model = model;
    this.#locate = locate;
  }

  get inputs(): readonly Port[] {
    return this.#inputs;
  }

  async run(
    feeds: Feeds,
    outputs: readonly string[] = this.outputs.map((port) => port.name),
  ): Promise<Readonly<Record<string, TensorData>>> {
    const entries = Object.entries(feeds);
    this.#check(new Map(entries));
    this.#checkResults(outputs);
    const results = await this.#call(Object.fromEntries(entries.map(([name, feed]) => [name, native(feed)])), fetchesOf(outputs));
    return collect(results, outputs);
  }

  bind({ inputs, outputs, results }: Binding): BoundRun {
    const read = new Set(Object.values(inputs));
    const both = Object.entries(outputs).find(([, handle]) => read.has(handle));
    if (both !== undefined) throw userError("binding", `output "${both[0]}" would overwrite a tensor that the run reads`, nowhere);
    const sizes = this.#check(new Map(Object.entries(inputs)), { complete: false });
    checkBoundOutputs(this.outputs, outputs);
    this.#checkResults(results);
    const feed: Record<string, ort.Tensor> = Object.fromEntries(
      Object.entries(inputs).map(([name, handle]) => [name, tensorBehind(handle)]),
    );
    const written = Object.fromEntries(Object.entries(outputs).map(([name, handle]) => [name, tensorBehind(handle)]));
    const prepared = this.#stops ? preparedResults(this.outputs, results) : null;
    const fetch = prepared === null ? { ...fetchesOf(results), ...written } : { [stopOutput]: null, ...prepared, ...written };
    return async (feeds) => {
      this.#check(new Map(Object.entries(feeds)), { sizes, bound: inputs });
      for (const [name, tensor] of Object.entries(feeds)) feed[name] = native(tensor);
      const values = await this.#call(feed, fetch);
      if (prepared === null) return collect(values, results);
      return Object.fromEntries(
        Object.entries(collect(prepared, results)).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
      );
    };
  }

  upload(tensor: TensorData): TensorHandle {
    return handleOf({ ...tensor, data: tensor.data.slice() });
  }
  allocate({ dtype, shape }: { readonly dtype: TensorData["dtype"]; readonly shape: readonly number[] }): TensorHandle {
    return handleOf({
      dtype,
      shape,
      data: zeros(
        dtype,
        shape.reduce((product, size) => product * size, 1),
      ),
    });
  }
  write(handle: TensorHandle, tensor: TensorData): void {
    if (handle.dtype !== tensor.dtype || !sameShape(handle.shape, tensor.shape)) {
      throw userError("handle", `cannot write ${printType(tensor)} into ${printType(handle)}`, nowhere);
    }
    bytesOf(fromOrt(tensorBehind(handle))).set(bytesOf(tensor));
  }
  async read(handle: TensorHandle): Promise<TensorData> {
    const tensor = fromOrt(tensorBehind(handle));
    return { ...tensor, shape: handle.shape, data: tensor.data.slice() };
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#session.release();
  }

  /** Checks feeds; asks the model's file about an input whose shape onnxruntime does not tell from a scalar's. */
  #check(feeds: ReadonlyMap<string, Feed>, { complete = true, sizes, bound = {} }: CheckContext = {}): Sizes {
    const doubtful = this.#inputs.some((port) => port.shape?.length === 0 && (feeds.get(port.name)?.shape.length ?? 0) > 0);
    if (doubtful) this.#inputs = withOpenRanks(this.#inputs, this.#model);
    const open = this.#inputs.filter((port) => !Object.hasOwn(bound, port.name));
    return checkFeeds(open, feeds, sizes, complete);
  }
  /** An output that JavaScript cannot hold must not even be asked for: onnxruntime-node ends the process on some. */
  #checkResults(names: readonly string[]): void {
    for (const name of names) {
      const port = this.outputs.find((output) => output.name === name);
      if (port === undefined) {
        const notes = this.outputs.map(
          (output): Note => ({ message: `output "${output.name}" is ${output.description}`, location: nowhere }),
        );
        throw userError("output-name", `the model has no output "${name}"`, nowhere, { notes });
      }
      if (port.dtype === null)
        throw userError("output-dtype", `output "${name}" is ${port.description}, which onnxruntime-node cannot return`, nowhere);
    }
  }
  async #call(
    feeds: Readonly<Record<string, ort.Tensor>>,
    fetches: Readonly<Record<string, ort.Tensor | null>>,
  ): Promise<ort.InferenceSession.ReturnType> {
    if (this.#disposed) throw userError("disposed", "the session has been disposed of", nowhere);
    try {
      return await this.#session.run(feeds, fetches);
    } catch (error) {
      if (Object.hasOwn(fetches, stopOutput) && isStop(error)) return {};
      throw nativeError(error, "onnxruntime", this.#locate);
    }
  }
}

/** Tensors for results whose sizes are known; null where one is not. */
function preparedResults(ports: readonly Port[], results: readonly string[]): Readonly<Record<string, ort.Tensor>> | null {
  const prepared: Record<string, ort.Tensor> = {};
  for (const port of ports.filter(({ name }) => results.includes(name))) {
    const shape = port.shape === null ? null : staticShape(port.shape);
    if (shape === null || port.dtype === null || port.dtype === "string") return null;
    prepared[port.name] = toOrt({
      dtype: port.dtype,
      shape,
      data: zeros(
        port.dtype,
        shape.reduce((product, size) => product * size, 1),
      ),
    });
  }
  return prepared;
}
const fetchesOf = (names: readonly string[]): Readonly<Record<string, null>> => Object.fromEntries(names.map((name) => [name, null]));
function collect(results: ort.InferenceSession.ReturnType, names: readonly string[]): Readonly<Record<string, TensorData>> {
  return Object.fromEntries(names.flatMap((name) => (results[name] === undefined ? [] : [[name, fromOrt(results[name])]])));
}
