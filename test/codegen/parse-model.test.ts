import { expect, test } from "vitest";
import { decodeModel, encodeModel, parseModel, writeModel } from "../../src/codegen/index.ts";
import type { ModelProto, NodeProto, TensorProto, ValueInfoProto } from "../../src/codegen/proto/onnx.generated.ts";
import { GraphBuilder, printGraph, tensorFrom, verify } from "../../src/ir/index.ts";

const float = (name: string, ...dims: readonly (number | string | null)[]): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: 1,
      shape: { dim: dims.map((d) => (d === null ? {} : typeof d === "number" ? { dimValue: d } : { dimParam: d })) },
    },
  },
});
const node = (opType: string, input: readonly string[], output: readonly string[], more: NodeProto = {}): NodeProto => ({
  opType,
  input,
  output,
  ...more,
});
interface Parts {
  readonly nodes?: readonly NodeProto[];
  readonly inputs?: readonly ValueInfoProto[];
  readonly outputs?: readonly ValueInfoProto[];
  readonly initializers?: readonly TensorProto[];
  readonly infos?: readonly ValueInfoProto[];
  readonly opset?: number;
  readonly model?: ModelProto;
}
/** x: float32[N, 4] -> y, through Relu unless told otherwise. */
function modelOf({ nodes, inputs, outputs, initializers, infos, opset = 18, model = {} }: Parts = {}): Uint8Array {
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: "", version: opset }],
    graph: {
      name: "g",
      node: nodes ?? [node("Relu", ["x"], ["y"], { name: "relu" })],
      input: inputs ?? [float("x", "N", 4)],
      output: outputs ?? [{ name: "y" }],
      initializer: initializers,
      valueInfo: infos,
    },
    ...model,
  });
}
const textOf = (bytes: Uint8Array): string => printGraph(parseModel(bytes).graph);
const faultOf = (bytes: Uint8Array): string => {
  try {
    parseModel(bytes, { fileName: "m.onnx" });
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  return "no error";
};

test("a model is read with all that it says", () => {
  const { opset, irVersion, producer, metadata, docString, warnings, graph } = parseModel(
    modelOf({ model: { producerName: "pytorch", producerVersion: "2.1", docString: "d", metadataProps: [{ key: "k", value: "v" }] } }),
  );
  expect({ opset, irVersion, producer, docString, warnings }).toEqual({
    opset: 18,
    irVersion: 8,
    producer: "pytorch 2.1",
    docString: "d",
    warnings: [],
  });
  expect([...metadata]).toEqual([["k", "v"]]);
  expect(printGraph(graph)).toBe('g(x: float32[N, 4]) -> (y: float32[N, 4]) {\n  %y = Relu "relu"(x) : float32[N, 4]\n}\n');
});

test("what is written is read back as it was: names, types, contents and lines", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x.1", { dtype: "float32", shape: ["N", 3, "2*H", "W"] });
  const w = b.initializer(
    "block/conv:weight",
    tensorFrom(
      "float32",
      [4, 3, 1, 1],
      Array.from({ length: 12 }, (_, i) => i - 6),
    ),
  );
  const y = b.from({ name: "block/conv", location: { position: { file: "a b.ts", line: 3, column: 7 } } }, () =>
    b.add("Conv", [x, w], { pads: [0, 1, 0, 1] }),
  );
  b.output(b.add("LeakyRelu", [y], { alpha: 0.1 }, { name: "act" }), "features out");
  const graph = b.build();
  for (const opset of [15, 18, 22]) {
    const read = parseModel(writeModel(graph, { opset })).graph;
    expect(printGraph(read)).toBe(printGraph(graph));
    expect(verify(read)).toEqual([]);
  }
});

test("an old form becomes today's, under the names of the file", () => {
  const old = modelOf({ opset: 11, nodes: [node("ReduceMean", ["x"], ["y"], { attribute: [{ name: "axes", type: 7, ints: [1] }] })] });
  expect(textOf(old)).toBe(
    'g(x: float32[N, 4]) -> (y: float32[N, 1]) {\n  const_1 = int64[1] {1}\n  %y = ReduceMean "ReduceMean"(x, const_1) : float32[N, 1]\n}\n',
  );
});

test("an initializer that is an input too, as old files have them, is a constant", () => {
  const initializers = [{ name: "w", dataType: 1, dims: [1], floatData: [new Uint8Array(new Float32Array([2]).buffer)] }];
  const bytes = modelOf({
    inputs: [float("x", "N", 4), float("w", 1)],
    initializers,
    nodes: [node("Mul", ["x", "w"], ["y"])],
    model: { irVersion: 3 },
  });
  expect(textOf(bytes)).toBe(
    'g(x: float32[N, 4]) -> (y: float32[N, 4]) {\n  w = float32[1] {2}\n  %y = Mul "Mul"(x, w) : float32[N, 4]\n}\n',
  );
});

test("a file without opsets is of the first one", () => {
  const bytes = modelOf({
    nodes: [node("Relu", ["x"], ["y"], { attribute: [{ name: "consumed_inputs", ints: [0] }] })],
    model: { irVersion: 1, opsetImport: [] },
  });
  expect(parseModel(bytes).opset).toBe(1);
});

test("a value that is the output twice, or an input, gets its name through Identity", () => {
  const bytes = modelOf({
    nodes: [node("Dropout", ["x"], ["d"]), node("Identity", ["d"], ["y"])],
    outputs: [{ name: "y" }, { name: "d" }, { name: "x" }],
  });
  const { graph } = parseModel(bytes);
  expect(graph.outputs.map((v) => v.name)).toEqual(["y", "d", "x"]);
  expect(verify(graph)).toEqual([]);
});

test("sizes that inference cannot know are the file's", () => {
  const shape: ValueInfoProto = { name: "s", type: { tensorType: { elemType: 7, shape: { dim: [{ dimValue: 2 }] } } } };
  const reshape = modelOf({
    inputs: [float("x", "N", 4), shape],
    nodes: [node("Reshape", ["x", "s"], ["r"]), node("Relu", ["r"], ["y"])],
    infos: [float("r", "K", null)],
  });
  expect(textOf(reshape)).toContain(": float32[K, ?1]");
});

test.each([
  ["N", "N"],
  ["batch_size", "batch_size"],
  ["2 * H", "2*H"],
  ["(H - 1) / 2 + 1", "floor((H+1)/2)"],
  ["a-b", "a-b"],
  ["x.1", "x.1"],
  ["7", "7"],
  ["floor", "d_floor"],
  ["größe", "gr_e"],
  ["a b", "a_b"],
  ["H /", "H_"],
  ["(".repeat(50), "_"],
  ["H".repeat(500), "H".repeat(200)],
])("the dim_param %j is the size %s", (text, wanted) => {
  expect(String(parseModel(modelOf({ inputs: [float("x", text, 4)] })).graph.inputs[0]?.type.shape[0])).toBe(wanted);
});

test("different dim_params stay different, equal ones equal", () => {
  const bytes = modelOf({ inputs: [float("x", "a b", "a-_b!", "a:b", "a b")], nodes: [node("Relu", ["x"], ["y"])] });
  const shape = parseModel(bytes).graph.inputs[0]?.type.shape ?? [];
  expect(shape).toEqual(["a_b", "a__b_", "a_b_1", "a_b"]);
});

test("a size that an input does not tell is a symbol of its own", () => {
  expect(parseModel(modelOf({ inputs: [float("x", null, 4)] })).graph.inputs[0]?.type.shape).toEqual(["x_0", 4]);
});

const int64s = (...values: readonly bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);
test.each<[string, TensorProto, string]>([
  ["raw data", { dataType: 7, dims: [2], rawData: int64s(-1n, 2n ** 63n - 1n) }, "int64[2] {-1, 9223372036854775807}"],
  [
    "packed varints",
    { dataType: 7, dims: [2], int64Data: [Uint8Array.of(5, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1)] },
    "int64[2] {5, -1}",
  ],
  [
    "one field for each number",
    { dataType: 7, dims: [2], unknown: [Uint8Array.of(0x38, 5), Uint8Array.of(0x38, 0x80, 1)] },
    "int64[2] {5, 128}",
  ],
  ["float_data", { dataType: 1, dims: [2], floatData: [new Uint8Array(Float32Array.of(0.1, -0).buffer)] }, "float32[2] {0.1, -0}"],
  ["float_data, one field for each", { dataType: 1, dims: [1], unknown: [Uint8Array.of(0x25, 0, 0, 128, 63)] }, "float32[1] {1}"],
  ["double_data", { dataType: 11, dims: [], doubleData: [new Uint8Array(Float64Array.of(0.1).buffer)] }, "float64[] {0.1}"],
  [
    "int32_data of bytes",
    { dataType: 3, dims: [2], int32Data: [Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 7)] },
    "int8[2] {-1, 7}",
  ],
  ["int32_data of bools", { dataType: 9, dims: [2], int32Data: [Uint8Array.of(1, 0)] }, "bool[2] {1, 0}"],
  [
    "int32_data of bfloat16 bits",
    { dataType: 16, dims: [2], int32Data: [Uint8Array.of(0x80, 0x7f, 0xc0, 0x80, 0x03)] },
    "bfloat16[2] {1, -3}",
  ],
  ["raw data of bfloat16", { dataType: 16, dims: [2], rawData: Uint8Array.of(0x80, 0x3f, 0x40, 0xc0) }, "bfloat16[2] {1, -3}"],
  ["int32_data of float16 bits", { dataType: 10, dims: [1], int32Data: [Uint8Array.of(0x80, 0x78)] }, "float16[1] {1}"],
  [
    "uint64_data",
    { dataType: 13, dims: [1], uint64Data: [Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 1)] },
    "uint64[1] {18446744073709551615}",
  ],
  ["uint32 in uint64_data", { dataType: 12, dims: [1], uint64Data: [Uint8Array.of(255, 255, 255, 255, 15)] }, "uint32[1] {4294967295}"],
  ["string_data", { dataType: 8, dims: [2], stringData: [new TextEncoder().encode('å "'), new Uint8Array(0)] }, 'string[2] {"å \\"", ""}'],
  ["no elements", { dataType: 1, dims: [0, 3] }, "float32[0, 3] {}"],
])("a tensor is read from %s", (_, tensor, wanted) => {
  const bytes = modelOf({ inputs: [], initializers: [{ ...tensor, name: "t" }], nodes: [node("Identity", ["t"], ["y"])] });
  expect(textOf(bytes)).toContain(`  t = ${wanted}\n`);
});

test("an attribute that was 1e-5 before it was stored as float32 is 1e-5 again", () => {
  const batchNorm = node("LeakyRelu", ["x"], ["y"], { attribute: [{ name: "alpha", type: 1, f: Math.fround(0.3) }] });
  expect(textOf(modelOf({ nodes: [batchNorm] }))).toContain("{alpha = 0.3}");
});

const raw = (dims: readonly number[], bytes: number): TensorProto => ({ name: "w", dataType: 1, dims, rawData: new Uint8Array(bytes) });
const withTensor = (tensor: TensorProto): Uint8Array => modelOf({ initializers: [tensor], nodes: [node("Add", ["x", "w"], ["y"])] });
const error = "error[model-file]: m.onnx: ";
test.each([
  ["no bytes", new Uint8Array(0), `${error}it holds no graph: is it an ONNX model?`],
  [
    "a text",
    new TextEncoder().encode("hello, this is no model"),
    `${error}it is not an ONNX model, or it is cut off: invalid wire type 4 at offset 3`,
  ],
  ["an opset of the future", modelOf({ opset: 27 }), "error[model-unsupported]: m.onnx: it uses opset 27, and striate reads opset 1 to 26"],
  [
    "two opsets",
    modelOf({ model: { opsetImport: [{ version: 13 }, { domain: "ai.onnx", version: 14 }] } }),
    `${error}it imports ai.onnx in several versions: 13, 14`,
  ],
  [
    "unknown ops",
    modelOf({
      nodes: [
        node("Foo", ["x"], ["a"]),
        node("Bar", ["a"], ["b"], { domain: "com.microsoft" }),
        node("Foo", ["b"], ["y"]),
        node("ConvInputGrad", [], []),
      ],
    }),
    "error[unknown-op]: m.onnx: the graph uses ops that striate does not know: Foo (2), ConvInputGrad (1), com.microsoft::Bar (1)",
  ],
  [
    "an op before its time",
    modelOf({ opset: 17, nodes: [node("Gelu", ["x"], ["y"], { name: "act" })] }),
    'error[opset]: Gelu "act": the op comes with opset 20, and the model uses opset 17\n  note: while reading m.onnx',
  ],
  [
    "a function",
    modelOf({ nodes: [node("Relu", ["x"], ["y"], { domain: "" })], model: { functions: [{ name: "Relu", domain: "" }] } }),
    "error[model-unsupported]: m.onnx: it calls functions of its own: ::Relu\n  help: inline them (onnx.inliner does) before reading it",
  ],
  ["two inputs of one name", modelOf({ inputs: [float("x", 1), float("x", 1)] }), `${error}two inputs have the name "x"`],
  ["two initializers of one name", modelOf({ initializers: [raw([1], 4), raw([1], 4)] }), `${error}two initializers have the name "w"`],
  [
    "a name that is made twice",
    modelOf({ nodes: [node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"], { name: "again" })] }),
    `${error}Relu "again" makes "y", a name that is taken already`,
  ],
  [
    "nodes in disorder",
    modelOf({ nodes: [node("Relu", ["h"], ["y"], { name: "b" }), node("Relu", ["x"], ["h"], { name: "a" })] }),
    `${error}Relu "b" reads "h", which Relu "a" makes further down: the nodes are not in topological order\n  help: sort the nodes`,
  ],
  [
    "a cycle",
    modelOf({
      nodes: [node("Add", ["x", "h"], ["y"], { name: "a" }), node("Relu", ["y"], ["g"]), node("Relu", ["g"], ["h"], { name: "b" })],
    }),
    `${error}Add "a" reads "h", which is made from its own output: the graph has a cycle`,
  ],
  [
    "a value from nowhere",
    modelOf({ nodes: [node("Relu", ["z"], ["y"], { name: "a" })] }),
    `${error}Relu "a" reads "z", which no input, initializer or node makes`,
  ],
  ["an output from nowhere", modelOf({ outputs: [{ name: "z" }] }), `${error}the output "z" is made by nothing`],
  [
    "an input without a shape",
    modelOf({ inputs: [{ name: "x", type: { tensorType: { elemType: 1 } } }] }),
    'error[model-unsupported]: m.onnx: input "x" has no shape\n  help: give it one; sizes that vary get a name',
  ],
  [
    "an input that is a sequence",
    modelOf({ inputs: [{ name: "x", type: { sequenceType: {} } }] }),
    'error[model-unsupported]: m.onnx: input "x" is a sequence, not a tensor',
  ],
  [
    "an element type of the future",
    modelOf({ inputs: [{ name: "x", type: { tensorType: { elemType: 23, shape: {} } } }] }),
    'error[model-unsupported]: m.onnx: input "x" has element type 23, which striate does not know',
  ],
  [
    "sparse initializers",
    encodeModel({ irVersion: 8, opsetImport: [{ version: 18 }], graph: { sparseInitializer: [{}] } }),
    "error[model-unsupported]: m.onnx: the graph has 1 sparse initializers, which striate does not take\n  help: make them dense",
  ],
  [
    "a graph in an attribute",
    modelOf({ nodes: [node("Relu", ["x"], ["y"], { name: "a", attribute: [{ name: "g", type: 5, g: {} }] })] }),
    'error[model-unsupported]: m.onnx: attribute "g" of Relu "a" is a graph, which striate does not take',
  ],
  [
    "an attribute twice",
    modelOf({
      nodes: [
        node("Elu", ["x"], ["y"], {
          name: "a",
          attribute: [
            { name: "alpha", f: 1 },
            { name: "alpha", f: 2 },
          ],
        }),
      ],
    }),
    `${error}Elu "a" has two attributes "alpha"`,
  ],
  [
    "an attribute that the op has not",
    modelOf({ nodes: [node("Relu", ["x"], ["y"], { name: "a", attribute: [{ name: "b", i: 1 }] })] }),
    'error[op-attribute]: Relu "a": there is no attribute "b"\n  note: input "x" is float32[N, 4]\n  note: while reading m.onnx\n  help: the attributes are ',
  ],
  ["too few bytes", withTensor(raw([3], 8)), `${error}tensor "w" holds 8 bytes, and its type and shape ask for 12`],
  [
    "a shape that no memory holds",
    withTensor(raw([2 ** 40, 2 ** 40], 8)),
    `${error}tensor "w" has the shape [1099511627776, 1099511627776], which no file holds`,
  ],
  ["a negative size", withTensor(raw([-1], 8)), `${error}tensor "w" has the shape [-1]`],
  [
    "too few typed elements",
    withTensor({ name: "w", dataType: 7, dims: [3], int64Data: [Uint8Array.of(1)] }),
    `${error}tensor "w" holds 1 elements, and its shape asks for 3`,
  ],
  [
    "external data without a path",
    withTensor({ name: "w", dataType: 1, dims: [1], dataLocation: 1, externalData: [{ key: "location", value: "w.bin" }] }),
    `${error}it keeps tensors in the file "w.bin"\n  help: read the model from its path`,
  ],
  [
    "inputs that do not fit",
    modelOf({ inputs: [float("x", 2, 3), float("z", 4, 5)], nodes: [node("MatMul", ["x", "z"], ["y"], { name: "mm" })] }),
    'error[matmul-size]: MatMul "mm": ',
  ],
])("%s is refused", (_, bytes, message) => {
  expect(faultOf(bytes).slice(0, message.length)).toBe(message);
});

test("a type of a value that cannot be is an error, and that of an output's shape a warning", () => {
  expect(faultOf(modelOf({ nodes: [node("Relu", ["x"], ["h"]), node("Relu", ["h"], ["y"])], infos: [float("h", "N", 5)] }))).toBe(
    `${error}"h" is float32[N, 4], but the file declares it as float32[N, 5]`,
  );
  expect(faultOf(modelOf({ outputs: [{ name: "y", type: { tensorType: { elemType: 7, shape: { dim: [{}, {}] } } } }] }))).toBe(
    `${error}"y" is float32[N, 4], but the file declares it as int64[?, ?]`,
  );
  const { warnings, graph } = parseModel(modelOf({ outputs: [float("y", "N", 5)] }), { fileName: "m.onnx" });
  expect(warnings.map((w) => [w.severity, w.message])).toEqual([
    ["warning", 'm.onnx: "y" is float32[N, 4], but the file declares it as float32[N, 5]'],
  ]);
  expect(graph.outputs[0]?.type.shape).toEqual(["N", 4]);
});

test("raw data need not be aligned", () => {
  const bytes = withTensor({ ...raw([1], 4), rawData: new Uint8Array(Float32Array.of(1.5).buffer) });
  for (let shift = 0; shift < 4; shift++) {
    const moved = new Uint8Array(bytes.length + shift);
    moved.set(bytes, shift);
    expect(textOf(moved.subarray(shift))).toContain("w = float32[1] {1.5}");
  }
});

test("the message of a file keeps the fields that nobody knows", () => {
  const strange = Uint8Array.of(0xfa, 0x3f, 2, 1, 2);
  const again = decodeModel(encodeModel(decodeModel(modelOf({ model: { unknown: [strange] } }))));
  expect(again.unknown?.map((v) => [...v])).toEqual([[0xfa, 0x3f, 2, 1, 2]]);
});
