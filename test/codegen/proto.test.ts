import { readFileSync } from "node:fs";
import onnxProto from "onnx-proto";
import { expect, test } from "vitest";
import { decodeModel, encodeModel } from "../../src/codegen/index.ts";
import { generateProto } from "../../src/codegen/proto/generate-proto.ts";
import type { ModelProto } from "../../src/codegen/proto/onnx.generated.ts";

const { onnx } = onnxProto;

test("the committed codec is what `npm run generate` makes", () => {
  const committed = readFileSync(new URL("../../src/codegen/proto/onnx.generated.ts", import.meta.url), "utf8");
  expect(committed).toBe(generateProto());
});

/** One of nearly everything that the format has. */
const everything: ModelProto = {
  irVersion: 13,
  producerName: "p",
  producerVersion: "1",
  domain: "d",
  modelVersion: -3,
  docString: "doc",
  opsetImport: [
    { domain: "", version: 18 },
    { domain: "ai.onnx.ml", version: 3 },
  ],
  metadataProps: [{ key: "k", value: "v" }],
  configuration: [{ name: "c", numDevices: 2, device: ["a", "b"] }],
  functions: [
    {
      name: "f",
      input: ["i"],
      output: ["o"],
      attribute: ["a"],
      attributeProto: [{ name: "b", type: 2, i: 1 }],
      overload: "x",
      domain: "d",
      valueInfo: [{ name: "v" }],
    },
  ],
  trainingInfo: [{ initialization: { name: "init" }, algorithm: { name: "step" }, updateBinding: [{ key: "w", value: "w2" }] }],
  graph: {
    name: "g",
    docString: "graph",
    metadataProps: [{ key: "gk", value: "gv" }],
    node: [
      {
        opType: "If",
        name: "n",
        input: ["c", ""],
        output: ["o"],
        overload: "o1",
        docString: "node",
        metadataProps: [{ key: "nk", value: "nv" }],
        attribute: [
          { name: "f", type: 1, f: 0.5 },
          { name: "i", type: 2, i: -(2 ** 40) },
          { name: "s", type: 3, s: Uint8Array.of(104, 105) },
          { name: "floats", type: 6, floats: [1, -2] },
          { name: "ints", type: 7, ints: [1, -1, 2 ** 40] },
          { name: "strings", type: 8, strings: [Uint8Array.of(1)] },
          { name: "g", type: 5, g: { name: "inner", node: [{ opType: "Relu" }] } },
          { name: "t", type: 4, t: { dims: [2], dataType: 6, int32Data: [Uint8Array.of(1, 2)] } },
          {
            name: "tp",
            type: 13,
            tp: {
              sequenceType: {
                elemType: { mapType: { keyType: 7, valueType: { optionalType: { elemType: { tensorType: { elemType: 1 } } } } } },
              },
            },
          },
          { name: "sp", type: 11, sparseTensor: { values: { dims: [1], dataType: 1 }, indices: { dims: [1], dataType: 7 }, dims: [5] } },
        ],
        deviceConfigurations: [
          {
            configurationId: "c",
            pipelineStage: 1,
            shardingSpec: [
              {
                tensorName: "t",
                device: [0, 1],
                indexToDeviceGroupMap: [{ key: 0, value: [1, 2] }],
                shardedDim: [{ axis: 1, simpleSharding: [{ dimParam: "N", numShards: 2 }] }],
              },
            ],
          },
        ],
      },
    ],
    input: [
      {
        name: "x",
        docString: "in",
        metadataProps: [{ key: "a", value: "b" }],
        type: {
          denotation: "IMAGE",
          tensorType: { elemType: 1, shape: { dim: [{ dimValue: 3, denotation: "C" }, { dimParam: "N" }, {}] } },
        },
      },
    ],
    initializer: [
      {
        name: "w",
        dims: [2],
        dataType: 1,
        rawData: new Uint8Array(8),
        docString: "t",
        metadataProps: [{ key: "e", value: "f" }],
        segment: { begin: 0, end: 1 },
      },
    ],
    sparseInitializer: [{ dims: [1] }],
    quantizationAnnotation: [{ tensorName: "w", quantParameterTensorNames: [{ key: "SCALE_TENSOR", value: "s" }] }],
  },
};

test("every field of the format comes back as it was", () => {
  expect(decodeModel(encodeModel(everything))).toEqual(everything);
});

test("onnx-proto reads what it knows of it", () => {
  const model = onnx.ModelProto.decode(encodeModel(everything));
  expect([Number(model.irVersion), Number(model.modelVersion), model.graph?.name, model.graph?.input?.[0]?.type?.denotation]).toEqual([
    13,
    -3,
    "g",
    "IMAGE",
  ]);
  const attributes = model.graph?.node?.[0]?.attribute ?? [];
  expect(attributes.map((a) => [a.name, a.type])).toEqual([
    ["f", 1],
    ["i", 2],
    ["s", 3],
    ["floats", 6],
    ["ints", 7],
    ["strings", 8],
    ["g", 5],
    ["t", 4],
    ["tp", 13],
    ["sp", 11],
  ]);
  expect([
    attributes[0]?.f,
    Number(attributes[1]?.i),
    attributes[3]?.floats,
    attributes[4]?.ints?.map(Number),
    attributes[6]?.g?.node?.[0]?.opType,
  ]).toEqual([0.5, -(2 ** 40), [1, -2], [1, -1, 2 ** 40], "Relu"]);
  expect(attributes[7]?.t?.int32Data).toEqual([1, 2]);
  expect(onnx.ModelProto.verify(model)).toBeNull();
});

test("fields that the schema does not know are kept, wherever they are", () => {
  // Field 1000 as a varint, eight bytes, a length and a text, a group, and four bytes; field 3 of a node as a number instead of a text.
  const unknown = [
    [0xc0, 0x3e, 5],
    [0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8],
    [0xc2, 0x3e, 2, 104, 105],
    [0xc3, 0x3e, 8, 1, 0xc4, 0x3e],
    [0xc5, 0x3e, 1, 2, 3, 4],
  ].map((b) => Uint8Array.from(b));
  const model: ModelProto = { unknown, graph: { unknown, node: [{ opType: "Relu", unknown: [...unknown, Uint8Array.of(0x18, 7)] }] } };
  expect(decodeModel(encodeModel(model))).toEqual(model);
});

test("an int64 past 2^53 is the nearest number, and the limits stay the limits", () => {
  const ints = [2 ** 63, -(2 ** 63), 2 ** 62];
  const graph = { node: [{ attribute: [{ name: "a", ints }] }] };
  const bytes = encodeModel({ graph });
  expect(onnx.ModelProto.decode(bytes).graph?.node?.[0]?.attribute?.[0]?.ints?.map(String)).toEqual([
    "9223372036854775807",
    "-9223372036854775808",
    "4611686018427387904",
  ]);
  expect(decodeModel(bytes)).toEqual({ graph });
});

test("lists of numbers are read packed and one by one", () => {
  const one = Uint8Array.of(8, 5, 8, 6);
  const packed = Uint8Array.of(10, 2, 5, 6);
  const tensor = (dims: Uint8Array): Uint8Array => Uint8Array.from([0x3a, dims.length + 2, 0x2a, dims.length, ...dims]);
  expect(decodeModel(tensor(one))).toEqual({ graph: { initializer: [{ dims: [5, 6] }] } });
  expect(decodeModel(tensor(packed))).toEqual({ graph: { initializer: [{ dims: [5, 6] }] } });
});

test("a message that comes in two parts is one", () => {
  const parts = [{ graph: { name: "a", node: [{ opType: "Relu" }] } }, { graph: { name: "b", node: [{ opType: "Add" }] } }].map(
    encodeModel,
  );
  expect(decodeModel(Buffer.concat(parts))).toEqual({ graph: { name: "b", node: [{ opType: "Relu" }, { opType: "Add" }] } });
});

/** A graph in an attribute of a node of a graph, and so on. */
function nested(depth: number): Uint8Array {
  const length = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...length(Math.floor(n / 128))]);
  let bytes: number[] = [];
  for (let i = 0; i < depth; i++) for (const tag of [0x32, 0x2a, 0x0a]) bytes = [tag, ...length(bytes.length), ...bytes];
  return Uint8Array.from([0x3a, ...length(bytes.length), ...bytes]);
}
test("graphs within graphs are read to a depth of 33, and refused below", () => {
  expect(decodeModel(nested(33)).graph?.node).toHaveLength(1);
  expect(() => decodeModel(nested(34), "deep.onnx")).toThrow(
    "error[model-file]: deep.onnx: it is not an ONNX model, or it is cut off: messages nest deeper than 100 levels",
  );
  expect(() => decodeModel(nested(2000))).toThrow("messages nest deeper than 100 levels");
});

test("empty messages by the million are refused before they fill the memory", () => {
  const nodes = new Uint8Array(4_000_000).map((_, i) => (i % 2 === 0 ? 0x0a : 0));
  const bytes = Buffer.concat([Uint8Array.of(0x3a, 0x80, 0x92, 0xf4, 0x01), nodes]);
  expect(() => decodeModel(bytes)).toThrow("too many small messages for the size of the file");
  const unknown = new Uint8Array(4_000_000).map((_, i) => (i % 2 === 0 ? 0x18 : 0));
  expect(() => decodeModel(unknown)).toThrow("too many small messages for the size of the file");
});

test.each([
  ["a length past the end", [0x3a, 200, 1, 0], "a message claims to end at byte 203, past the end of what holds it at byte 4"],
  ["a text past the end", [0x12, 9, 65], "a text claims to end at byte 11, past the end of what holds it at byte 3"],
  [
    "a list past its message",
    [0x3a, 4, 0x2a, 2, 0x0a, 9, 1, 1],
    "a list claims to end at byte 15, past the end of what holds it at byte 6",
  ],
  ["a number without an end", [0x08, 255, 255], "index out of range"],
  ["field 0", [0x00, 1], "illegal tag: field number 0"],
])("%s is an error", (_, bytes, message) => {
  expect(() => decodeModel(Uint8Array.from(bytes))).toThrow(message);
});
