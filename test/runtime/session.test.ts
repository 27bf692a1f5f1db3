import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { isCompileError } from "../../src/ir/diagnostic.ts";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { printProvider } from "../../src/runtime/providers.ts";
import { createSession, createStepSession, type Session } from "../../src/runtime/session.ts";
import type { SessionOptions } from "../../src/runtime/session-options.ts";
import { modelOf, node, tensorOf, value } from "./tiny-models.ts";

const float = (shape: readonly number[], ...values: readonly number[]): TensorData => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(values),
});
const zeros = (shape: readonly number[]): TensorData => float(shape, ...new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0));

const sum = modelOf({
  input: [value("a", 1, ["N", 3]), value("b", 1, ["N", 3])],
  output: [value("y", 1, ["N", 3]), value("z", 1, ["N", 3])],
  node: [node("Add", ["a", "b"], "y"), node("Neg", ["y"], "z")],
});
const message = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (isCompileError(error)) return error.message;
    throw error;
  }
  return "no error";
};

/** Collects what earlier tests have left, so that none of it goes while memory is measured. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

test("run returns all outputs, or those that are asked for", async () => {
  const session = await createSession(sum);
  const feeds = { a: float([1, 3], 1, 2, 3), b: float([1, 3], 10, 20, 30) };
  expect(await session.run(feeds)).toEqual({ y: float([1, 3], 11, 22, 33), z: float([1, 3], -11, -22, -33) });
  expect(await session.run(feeds, ["z"])).toEqual({ z: float([1, 3], -11, -22, -33) });
  await session.dispose();
});

test("inputs and outputs are described with their symbols", async () => {
  const session = await createSession(sum);
  expect(session.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual([
    { name: "a", dtype: "float32", shape: ["N", 3] },
    { name: "b", dtype: "float32", shape: ["N", 3] },
  ]);
  expect(session.provider).toEqual({ name: "cpu", place: "cpu", passedOver: [] });
  await session.dispose();
});

test("feeds that do not fit are refused with names and shapes", async () => {
  const session = await createSession(sum);
  const b = zeros([2, 3]);
  expect(await message(() => session.run({ a: zeros([2, 3]), c: b }))).toBe(
    'error[feed-name]: the model has no input "c"\n  note: input "a" is float32[N, 3]\n  note: input "b" is float32[N, 3]',
  );
  expect(await message(() => session.run({ a: zeros([2, 3]) }))).toBe(
    'error[feed-name]: no tensor for "b"\n  note: input "b" is float32[N, 3]',
  );
  expect(await message(() => session.run({ a: zeros([2, 4]), b }))).toBe(
    'error[feed-shape]: input "a": is float32[2, 4], wanted float32[N, 3]: axis 1 is 4, not 3',
  );
  expect(await message(() => session.run({ a: zeros([3]), b }))).toBe(
    'error[feed-shape]: input "a": is float32[3], wanted float32[N, 3]: 1 axes, not 2\n  help: put a batch axis of size 1 in front',
  );
  expect(await message(() => session.run({ a: zeros([5, 3]), b }))).toBe(
    'error[feed-shape]: N is 2 by axis 0 of "b", but 5 by axis 0 of "a"\n  note: input "a" is float32[N, 3]\n  note: input "b" is float32[N, 3]',
  );
  const a: TensorData = { dtype: "float64", shape: [2, 3], data: new Float64Array(6) };
  expect(await message(() => session.run({ a, b }))).toBe(
    'error[feed-dtype]: input "a": is float64[2, 3], wanted float32[N, 3]\n  help: make it float32 before it is fed',
  );
  expect(await message(() => session.run({ a: { dtype: "float32", shape: [2, 3], data: new Float64Array(6) }, b }))).toBe(
    'error[feed-data]: input "a": is float32 in a Float64Array, wanted a Float32Array',
  );
  expect(await message(() => session.run({ a: { dtype: "float32", shape: [2, 3], data: new Float32Array(5) }, b }))).toBe(
    'error[feed-data]: input "a": has 5 elements, its shape [2, 3] has 6',
  );
  expect(await message(() => session.run({ a: b, b }, ["q"]))).toBe(
    'error[output-name]: the model has no output "q"\n  note: output "y" is float32[N, 3]\n  note: output "z" is float32[N, 3]',
  );
  await session.dispose();
  expect(await message(() => session.run({ a: b, b }))).toBe("error[disposed]: the session has been disposed of");
  await session.dispose();
});

test("a size that is an expression of another is checked", async () => {
  const model = modelOf({
    input: [value("a", 1, ["N"]), value("b", 1, ["2*N+1"])],
    output: [value("y", 1, ["3*N+1"])],
    node: [node("Concat", ["a", "b"], "y", [{ name: "axis", i: 0, type: 2 }])],
  });
  const session = await createSession(model);
  expect((await session.run({ a: zeros([2]), b: zeros([5]) }))["y"]?.shape).toEqual([7]);
  expect(await message(() => session.run({ a: zeros([2]), b: zeros([4]) }))).toBe(
    'error[feed-shape]: input "b" is float32[4], wanted float32[2*N+1]: axis 0 is 4, not 2*N+1 = 5',
  );
  await session.dispose();
});

test("an input without a shape takes any rank, a scalar takes none but its own", async () => {
  const model = modelOf({ input: [value("a", 1), value("s", 1, [])], output: [value("y", 1)], node: [node("Mul", ["a", "s"], "y")] });
  const session = await createSession(model);
  expect(await session.run({ a: float([2, 1], 3, 4), s: float([], 2) })).toEqual({ y: float([2, 1], 6, 8) });
  expect(await message(() => session.run({ a: float([1], 3), s: float([1], 2) }))).toBe(
    'error[feed-shape]: input "s": is float32[1], wanted float32[]: 1 axes, not 0',
  );
  await session.dispose();
});

test.each([
  ["float16", 10, Uint16Array.of(0x3c00, 0xc000)],
  ["float64", 11, Float64Array.of(1.5, -2)],
  ["int64", 7, BigInt64Array.of(-(2n ** 62n), 5n)],
  ["uint64", 13, BigUint64Array.of(2n ** 63n, 1n)],
  ["int32", 6, Int32Array.of(-7, 9)],
  ["int16", 5, Int16Array.of(-7, 9)],
  ["int8", 3, Int8Array.of(-7, 9)],
  ["uint8", 2, Uint8Array.of(255, 0)],
  ["uint16", 4, Uint16Array.of(65535, 1)],
  ["uint32", 12, Uint32Array.of(4294967295, 1)],
  ["bool", 9, Uint8Array.of(1, 0)],
  ["string", 8, ["striate", "cortex"]],
] as const)("%s goes in and out unchanged", async (dtype, code, data) => {
  const model = modelOf({ input: [value("x", code, ["N"])], output: [value("y", code, ["N"])], node: [node("Identity", ["x"], "y")] });
  const session = await createSession(model, { graphOptimization: "none" });
  expect(await session.run({ x: { dtype, shape: [2], data } })).toEqual({ y: { dtype, shape: [2], data } });
  await session.dispose();
});

test("memory shared between threads and Buffers can be fed", async () => {
  const model = modelOf({ input: [value("x", 2, ["N"])], output: [value("y", 2, ["N"])], node: [node("Identity", ["x"], "y")] });
  const session = await createSession(model);
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set([7, 8, 9]);
  for (const data of [shared, Buffer.from([7, 8, 9])]) {
    expect(await session.run({ x: { dtype: "uint8", shape: [3], data } })).toEqual({
      y: { dtype: "uint8", shape: [3], data: Uint8Array.of(7, 8, 9) },
    });
  }
  await session.dispose();
});

test("what JavaScript cannot hold is refused before the native call", async () => {
  const model = (code: number): Uint8Array =>
    modelOf({ input: [value("x", code, ["N"])], output: [value("y", code, ["N"])], node: [node("Identity", ["x"], "y")] });
  expect(await message(() => createSession(model(16)))).toBe(
    "error[session-dtype]: the model has an input or output of bfloat16, which onnxruntime-node cannot hold\n  help: cast it to float32 or float16 within the graph",
  );
  const sequence = modelOf({
    input: [value("x", 1, ["N"])],
    output: [{ name: "y", type: { sequenceType: { elemType: { tensorType: { elemType: 1 } } } } }],
    node: [node("SequenceConstruct", ["x"], "y")],
  });
  const session = await createSession(sequence);
  expect(await message(() => session.run({ x: zeros([1]) }))).toBe(
    'error[output-dtype]: output "y" is no tensor, which onnxruntime-node cannot return',
  );
  await session.dispose();
});

test("an error of onnxruntime names the user's line", async () => {
  const model = modelOf({
    input: [value("a", 1, ["N", "C"]), value("b", 1, ["D", 2])],
    output: [value("y", 1, ["N", 2])],
    node: [node("MatMul", ["a", "b"], "y", [], 12)],
  });
  const session = await createSession(model);
  expect(await message(() => session.run({ a: zeros([2, 3]), b: zeros([4, 2]) }))).toBe(
    "/models/net.ts:12:5 error[onnxruntime]: onnxruntime: Non-zero status code returned while running MatMul node. Name:'y/MatMul' Status Message: matmul_helper.h:59 Compute MatMul dimension mismatch",
  );
  await session.dispose();
});

test.each([
  [
    "an unknown op",
    node("Foo", ["x"], "y", [], 4),
    'error[onnxruntime]: onnxruntime does not take the model: This is an invalid model. In Node, ("y/Foo", Foo, "", -1) : ("x": tensor(float),) -> ("y": tensor(float),) , Error No Op registered for Foo with domain_version of 18',
  ],
  [
    "a wrong shape",
    node("MatMul", ["x", "w"], "y", [], 4),
    "error[onnxruntime]: onnxruntime does not take the model: Node (y/MatMul) Op (MatMul) [ShapeInferenceError] Incompatible dimensions for matrix multiplication",
  ],
])("a model with %s is refused at the user's line", async (_, bad, words) => {
  const model = modelOf({
    input: [value("x", 1, ["N", 3])],
    output: [value("y", 1, ["N", 3])],
    initializer: [tensorOf("w", "float32", [4, 3], new Float32Array(12))],
    node: [bad],
  });
  expect(await message(() => createSession(model))).toBe(`/models/net.ts:4:5 ${words}`);
});

test("a location in a doc string is found too, as formats before version 10 have it", async () => {
  const old = { ...node("Foo", ["x"], "y"), docString: "striate.location /models/old.ts:7:1" };
  const model = modelOf({ input: [value("x", 1, ["N"])], output: [value("y", 1, ["N"])], node: [old] }, { irVersion: 8 });
  expect(await message(() => createSession(model))).toMatch(/^\/models\/old\.ts:7:1 error/);
});

test("bytes that are no model, and a file that is not there, are told as such", async () => {
  expect(await message(() => createSession(Uint8Array.of(1, 2, 3)))).toBe(
    "error[onnxruntime]: onnxruntime does not take the model: Failed to load model because protobuf parsing failed.",
  );
  expect(await message(() => createSession("/nowhere/model.onnx"))).toBe("error[model-file]: /nowhere/model.onnx: there is no such file");
});

test("options that would have no effect are refused", async () => {
  const attempt = (options: object): Promise<string> => message(() => createSession(sum, options));
  expect(await attempt({ freeDimensionOverrides: { N: 1 } })).toBe(
    'error[session-option]: session: there is no option "freeDimensionOverrides"\n  help: onnxruntime-node ignores it: fix the sizes when the model is compiled',
  );
  expect(await attempt({ intraOpNumThreads: 2 })).toBe(
    'error[session-option]: session: there is no option "intraOpNumThreads"\n  help: it is called intraOpThreads',
  );
  expect(await attempt({ config: { "session.nonsense": "1" } })).toBe(
    'error[session-option]: session: onnxruntime would ignore the configuration entry "session.nonsense"',
  );
  expect(await attempt({ interOpThreads: 2 })).toBe(
    'error[session-option]: session: "interOpThreads" has an effect with execution: "parallel" only',
  );
  expect(await attempt({ intraOpThreads: 0 })).toBe('error[session-option]: session: "intraOpThreads" is 0, wanted 1 to 1024');
  expect(await attempt({ spinning: -1 })).toBe('error[session-option]: session: "spinning" is -1, wanted 0 to 1000000');
  expect(await attempt({ graphOptimization: "most" })).toBe(
    'error[session-option]: session: "graphOptimization" is "most", wanted none, basic, extended, layout, all',
  );
  expect(await attempt({ providers: [{ name: "cuda", gpuMemLimit: 1 }] })).toBe(
    'error[provider-option]: cuda: onnxruntime-node would ignore "gpuMemLimit"\n  help: it takes deviceId and cpuFallback',
  );
  expect(await attempt({ providers: [{ name: "cpu", useArena: true }] })).toBe(
    'error[provider-option]: cpu: onnxruntime-node would ignore "useArena"\n  help: this provider takes no options',
  );
  expect(await attempt({ providers: ["tpu"] })).toBe('error[provider]: there is no provider "tpu", wanted "cpu" or "cuda"');
  expect(await attempt({ providers: [] })).toBe(
    'error[provider]: the list of providers is empty\n  help: write ["cuda", "cpu"] to prefer a GPU',
  );
});

test("every option has an effect that onnxruntime takes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "striate-session-"));
  const options: SessionOptions = {
    graphOptimization: "basic",
    intraOpThreads: 1,
    interOpThreads: 1,
    execution: "parallel",
    memoryArena: false,
    memoryPattern: false,
    spinning: 0,
    logSeverity: "error",
    optimizedModelPath: join(folder, "optimized.onnx"),
    profilePrefix: join(folder, "profile"),
    config: { "session.disable_prepacking": "1" },
  };
  const session = await createSession(sum, options);
  expect((await session.run({ a: zeros([1, 3]), b: float([1, 3], 1, 2, 3) }))["y"]).toEqual(float([1, 3], 1, 2, 3));
  await session.dispose();
  const again = await createSession(join(folder, "optimized.onnx"));
  expect(again.outputs.map((port) => port.name)).toEqual(["y", "z"]);
  await again.dispose();
});

test("a provider that cannot be used is passed over, and the reason kept", async (context) => {
  const session = await createSession(sum, { providers: ["cuda", "cpu"] });
  if (session.provider.name === "cuda") context.skip("CUDA works here");
  expect(session.provider.name).toBe("cpu");
  expect(printProvider(session.provider)).toMatch(/^cpu \(not cuda: .+\)$/);
  await session.dispose();
  expect(await message(() => createSession(sum, { providers: ["cuda"] }))).toMatch(
    /^error\[provider\]: the model runs on none of cuda\n {2}note: cuda: .+/,
  );
});

test("weights in other files are read from beside the model's file, or given with its bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "striate-session-"));
  const data = Float32Array.of(1, 2, 3);
  const externalData = [
    { key: "location", value: "weights.bin" },
    { key: "offset", value: "0" },
    { key: "length", value: "12" },
  ];
  const model = modelOf({
    input: [value("x", 1, [3])],
    output: [value("y", 1, [3])],
    node: [node("Add", ["x", "w"], "y")],
    initializer: [{ name: "w", dataType: 1, dims: [3], externalData, dataLocation: 1 }],
  });
  writeFileSync(join(folder, "model.onnx"), model);
  writeFileSync(join(folder, "weights.bin"), new Uint8Array(data.buffer));
  const fromFile = await createSession(join(folder, "model.onnx"));
  const fromBytes = await createSession(model, { externalData: new Map([["weights.bin", new Uint8Array(data.buffer)]]) });
  for (const session of [fromFile, fromBytes]) {
    expect(await session.run({ x: float([3], 10, 20, 30) })).toEqual({ y: float([3], 11, 22, 33) });
    await session.dispose();
  }
});

test("a bound run writes its outputs in place and reads its inputs anew each time", async () => {
  const session = await createSession(sum);
  const [first, second] = [session.upload(float([1, 3], 1, 1, 1)), session.allocate({ dtype: "float32", shape: [1, 3] })];
  const there = session.bind({ inputs: { a: first }, outputs: { y: second }, results: ["z"] });
  const back = session.bind({ inputs: { a: second }, outputs: { y: first }, results: [] });
  const b = float([1, 3], 1, 2, 3);
  expect(await there({ b })).toEqual({ z: float([1, 3], -2, -3, -4) });
  expect(await back({ b })).toEqual({});
  expect(await session.read(first)).toEqual(float([1, 3], 3, 5, 7));
  session.write(first, float([1, 3], 0, 0, 0));
  await there({ b });
  expect(await session.read(second)).toEqual(b);
  expect(await message(() => there({ b: zeros([2, 3]) }))).toMatch(/N is 2 by axis 0 of "b", but 1 by axis 0 of "a"/);
  expect(await message(async () => session.bind({ inputs: { a: first }, outputs: { y: first }, results: [] }))).toBe(
    'error[binding]: output "y" would overwrite a tensor that the run reads',
  );
  expect(
    await message(async () =>
      session.bind({ inputs: {}, outputs: { y: session.allocate({ dtype: "float32", shape: [1, 4] }) }, results: [] }),
    ),
  ).toBe('error[output-shape]: output "y" is float32[N, 3], its tensor is float32[1, 4]');
  await session.dispose();
});

test("a handle can be fed to another session of the same backend", async () => {
  const [one, other] = [await createSession(sum), await createSession(sum)];
  const handle = one.upload(float([1, 3], 5, 6, 7));
  expect((await other.run({ a: handle, b: zeros([1, 3]) }, ["y"]))["y"]).toEqual(float([1, 3], 5, 6, 7));
  await Promise.all([one.dispose(), other.dispose()]);
});

test("a step session writes bound outputs in place and makes no copies of them", async () => {
  const size = 4_000_000;
  const model = modelOf({
    input: [value("w", 1, [size]), value("lr", 1, [])],
    output: [value("w.next", 1, [size]), value("loss", 1, [])],
    initializer: [
      tensorOf("first", "int64", [1], BigInt64Array.of(0n)),
      tensorOf("second", "int64", [1], BigInt64Array.of(1n)),
      tensorOf("scalar", "int64", [0], new BigInt64Array(0)),
    ],
    node: [
      node("Sub", ["w", "lr"], "w.next"),
      node("Slice", ["w", "first", "second"], "head"),
      node("Reshape", ["head", "scalar"], "loss"),
    ],
  });
  const copied = async (open: (model: Uint8Array) => Promise<Session>): Promise<number> => {
    const session = await open(model);
    expect(session.outputs.map((port) => port.name)).toEqual(["w.next", "loss"]);
    const [w, next] = [
      session.upload({ dtype: "float32", shape: [size], data: new Float32Array(size).fill(3) }),
      session.allocate({ dtype: "float32", shape: [size] }),
    ];
    const run = session.bind({ inputs: { w }, outputs: { "w.next": next }, results: ["loss"] });
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const results = [await run({ lr: float([], 1) }), await run({ lr: float([], 2) })];
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(results).toEqual([{ loss: float([], 3) }, { loss: float([], 3) }]);
    expect((await session.read(next)).data.slice(-2)).toEqual(Float32Array.of(1, 1));
    // An ordinary run goes on as ever.
    expect((await session.run({ w, lr: float([], 2) }, ["loss"]))["loss"]).toEqual(float([], 3));
    expect(Object.keys(await session.run({ w, lr: float([], 2) }))).toEqual(["w.next", "loss"]);
    await session.dispose();
    return grown;
  };
  // Copies may have been collected meanwhile, but not all of them.
  expect(await copied(createSession)).toBeGreaterThan(size * 2);
  expect(await copied(createStepSession)).toBeLessThan(100_000);
});

test("errors of a step session are told like any other's, and runs leave no memory behind", async () => {
  const model = modelOf({
    input: [value("a", 1, ["N", "C"]), value("b", 1, ["D", 2])],
    output: [value("y", 1, ["N", 2]), value("s", 1, [])],
    node: [node("MatMul", ["a", "b"], "y", [], 12), node("ReduceSum", ["y"], "s", [{ name: "keepdims", i: 0, type: 2 }])],
  });
  const session = await createStepSession(model);
  const y = session.allocate({ dtype: "float32", shape: [2, 2] });
  const run = session.bind({ inputs: {}, outputs: { y }, results: ["s"] });
  expect(await message(() => run({ a: zeros([2, 3]), b: zeros([4, 2]) }))).toMatch(/^\/models\/net\.ts:12:5 error\[onnxruntime\]/);
  const feeds = { a: float([2, 1], 1, 2), b: float([1, 2], 3, 4) };
  for (let i = 0; i < 500; i++) await run(feeds);
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 5000; i++) await run(feeds);
  expect(await run(feeds)).toEqual({ s: float([], 21) });
  expect(process.memoryUsage().rss - before).toBeLessThan(20_000_000);
  await session.dispose();
});
