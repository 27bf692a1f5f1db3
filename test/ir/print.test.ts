import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type DType,
  dtypes,
  type Graph,
  GraphBuilder,
  locationAt,
  parse,
  parseGraph,
  print,
  printGraph,
  type TensorData,
  tensorFrom,
  verify,
} from "../../src/ir/index.ts";

function network(): Graph {
  const b = new GraphBuilder("SimpleNet");
  const x = b.input("input", { dtype: "float32", shape: ["N", 3, 32, "W"] });
  const w = b.initializer(
    "conv1.weight",
    tensorFrom(
      "float32",
      [16, 3, 3, 3],
      Array.from({ length: 432 }, (_, i) => i / 7),
    ),
  );
  const bias = b.initializer(
    "conv1.bias",
    tensorFrom(
      "float32",
      [16],
      Array.from({ length: 16 }, (_, i) => (i - 8) / 10),
    ),
  );
  const y = b.add("Conv", [x, w, bias], { pads: [1, 1, 1, 1] }, { name: "conv1", location: locationAt("my-net.ts", 8, 18) });
  const act = b.from({ name: "act", location: locationAt("my-net.ts", 9, 7) }, () => b.add("LeakyRelu", [y], { alpha: 0.1 }));
  const pool = b.addNode("MaxPool", [act], { kernel_shape: [2, 2], strides: [2, 2] }, { name: "pool", outputs: ["pooled", "where"] });
  const [pooled, where] = pool.outputs;
  b.output(b.add("Clip", [pooled ?? x, null, b.constant("float32", 6)]), "features");
  b.output(where ?? x);
  return b.build();
}
const text = `SimpleNet(input: float32[N, 3, 32, W]) -> (features: float32[N, 16, 16, floor(W/2)], where: int64[N, 16, 16, floor(W/2)]) {
  conv1.weight = float32[16, 3, 3, 3] {...}
  conv1.bias = float32[16] {-0.8, -0.7, -0.6, -0.5, -0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}
  const_6 = float32[] {6}
  %conv1 = Conv(input, conv1.weight, conv1.bias) {pads = [1, 1, 1, 1]} : float32[N, 16, 32, W]  # my-net.ts:8:18
  %act/LeakyRelu = LeakyRelu(%conv1) {alpha = 0.1} : float32[N, 16, 32, W]  # my-net.ts:9:7
  %pooled, %where = MaxPool "pool"(%act/LeakyRelu) {kernel_shape = [2, 2], strides = [2, 2]} : float32[N, 16, 16, floor(W/2)], int64[N, 16, 16, floor(W/2)]
  %features = Clip "Clip"(%pooled, _, const_6) : float32[N, 16, 16, floor(W/2)]
}
`;

test("a graph's text is this", () => {
  expect(print(network(), { weights: "small" })).toBe(text);
});

test("lines of the user's source can be left out", () => {
  expect(print(network(), { weights: "small", locations: false })).toBe(text.replaceAll(/ {2}# .*$/gm, ""));
});

test("a graph's text is read back exactly", () => {
  const graph = network();
  const again = parse(printGraph(graph));
  expect(printGraph(again)).toBe(printGraph(graph));
  expect(verify(again)).toEqual([]);
  expect([...again.initializers.values()]).toEqual([...graph.initializers.values()]);
  expect(again.nodes.map((n) => [n.opType, n.name, n.attributes, n.location.position])).toEqual(
    graph.nodes.map((n) => [n.opType, n.name, n.attributes, n.location.position]),
  );
});

const withTensor = (data: TensorData): Graph => {
  const b = new GraphBuilder("g");
  b.output(b.add("Identity", [b.initializer("t", data)], {}, { name: "y" }));
  return b.build();
};
test.each<[TensorData, string]>([
  [
    tensorFrom("float32", [5], [0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
    "float32[5] {0.1, -0, nan, inf, -inf}",
  ],
  [tensorFrom("float64", [2], [0.1, 5e-324]), "float64[2] {0.1, 5e-324}"],
  [tensorFrom("float16", [2], [0.1, 65504]), "float16[2] {0.099975586, 65504}"],
  [
    { dtype: "int64", shape: [2], data: BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)) },
    "int64[2] {9223372036854775807, -9223372036854775808}",
  ],
  [tensorFrom("uint8", [2, 1], [0, 255]), "uint8[2, 1] {0, 255}"],
  [tensorFrom("bool", [], [1]), "bool[] {1}"],
  [{ dtype: "string", shape: [3], data: ['a "b"\n', "", "# å"] }, 'string[3] {"a \\"b\\"\\n", "", "# å"}'],
  [tensorFrom("float32", [0, 4], []), "float32[0, 4] {}"],
  // A NaN whose bits decimals do not say.
  [{ dtype: "float32", shape: [1], data: new Float32Array(Uint32Array.of(0x7fc12345).buffer) }, 'float32[1] "RSPBfw=="'],
])("a tensor is printed exactly: %#", (data, wanted) => {
  const printed = printGraph(withTensor(data));
  expect(printed).toContain(`  t = ${wanted}\n`);
  expect([...parseGraph(printed).initializers.values()]).toEqual([data]);
});

test("tensors of every element type come back bit for bit, small and large", () => {
  for (const dtype of Object.keys(dtypes) as DType[]) {
    if (dtype === "string") continue;
    for (const n of [3, 100]) {
      const data = tensorFrom(
        dtype,
        [n],
        Array.from({ length: n }, (_, i) => (dtype === "bool" ? i % 2 : i)),
      );
      expect([...parseGraph(printGraph(withTensor(data))).initializers.values()]).toEqual([data]);
    }
  }
});

test("names of all kinds come back, quoted where they have to be", () => {
  const name = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.string({ unit: "grapheme", minLength: 1 }),
    fc.constantFrom("_", "->", "%", "a:0", "a:b", "a b", "%a", "#", '"', "é", "a,b", "}", "\n", "1", "layer1.0/conv:0"),
  );
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 3, maxLength: 3 }), name, name, ([x = "x", w = "w", y = "y"], node, graphName) => {
      const b = new GraphBuilder(graphName);
      const sum = b.add(
        "Add",
        [b.input(x, { dtype: "float32", shape: [] }), b.initializer(w, tensorFrom("float32", [], [1]))],
        {},
        { name: node, outputs: [y] },
      );
      b.output(sum);
      const graph = b.build();
      const again = parseGraph(printGraph(graph));
      expect([again.name, again.inputs[0]?.name, again.nodes[0]?.name, again.outputs[0]?.name]).toEqual([graphName, x, node, y]);
      expect(printGraph(again)).toBe(printGraph(graph));
    }),
    { numRuns: 500 },
  );
});

test("unknown sizes keep their names", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", "?7"] });
  const target = b.input("target", { dtype: "int64", shape: [2] });
  b.output(b.add("Add", [b.add("Reshape", [x, target]), b.add("Reshape", [x, target])]), "y");
  const printed = printGraph(b.build());
  expect(printed).toContain("?8");
  expect(printGraph(parseGraph(printed))).toBe(printed);
});

test("attributes of every kind that ops have come back", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: [1, 1, 4, 4] });
  const scales = b.constant("float32", [1, 1, 2, 2]);
  const resized = b.add("Resize", [x, null, scales], { mode: "cubic", cubic_coeff_a: -0.5, antialias: 1 });
  const filled = b.add("ConstantOfShape", [b.constant("int64", [1, 1, 8, 8])], { value: tensorFrom("float32", [1], [2.5]) });
  const listed = b.add("Constant", [], { value_floats: [0.5, Number.NEGATIVE_INFINITY] });
  b.output(b.add("Add", [resized, filled]), "y");
  b.output(listed, "z");
  b.output(b.add("Constant", [], { value_strings: ["a", 'b"'] }), "s");
  const printed = printGraph(b.build());
  expect(printed).toContain('{antialias = 1, cubic_coeff_a = -0.5, mode = "cubic"}');
  expect(printed).toContain("{value = float32[1] {2.5}}");
  expect(printed).toContain("{value_floats = [0.5, -inf]}");
  expect(printed).toContain('{value_strings = ["a", "b\\""]}');
  expect(printGraph(parseGraph(printed))).toBe(printed);
});

const head = "g(x: float32[2]) -> (y: float32[2]) {\n";
test.each([
  ["", "g.txt:1:1 error[graph-text]: got the end of the text, wanted the graph's name"],
  ["g x", 'g.txt:1:3 error[graph-text]: got "x", wanted "("'],
  ["g(x: float[2])", 'g.txt:1:6 error[graph-text]: "float" is no element type'],
  [
    "g(x: float32[2+])",
    'g.txt:1:13 error[graph-text]: "2+" is not a dimension: write a number, a name, or an expression such as "16*H" or "floor((H+1)/2)"',
  ],
  ["g(x: float32[2) ->", 'g.txt:1:19 error[graph-text]: got the end of the text, wanted "]"'],
  ["g(x: float32[2], x: float32[2]) -> () {}", 'g.txt:1:18 error[duplicate-name]: the graph has two values named "x"'],
  ["g(x: float32[2]) = (", 'g.txt:1:18 error[graph-text]: got "=", wanted "->"'],
  [`${head}  %y = Foo(x) : float32[2]\n}`, 'g.txt:2:8 error[graph-text]: there is no op "Foo"'],
  [`${head}  %y = Relu(z) : float32[2]\n}`, 'g.txt:2:13 error[graph-text]: there is no value "z" above this line'],
  [`${head}  %y = Relu(x) {alpha = 1} : float32[2]\n}`, 'g.txt:2:17 error[graph-text]: Relu has no attribute "alpha"'],
  [`${head}  %y = Elu(x) {alpha = big} : float32[2]\n}`, 'g.txt:2:24 error[graph-text]: "big" is not a number'],
  [`${head}  %y = Relu(x) : float32[3]\n}`, 'g.txt:2:3 error[graph-text]: "y" is float32[2], but the text says float32[3]'],
  [`${head}  %y = Relu(x)\n}`, 'g.txt:3:1 error[graph-text]: got "}", wanted ":"'],
  [`${head}  %y = Relu(x) : float32[2]\n  %y = Relu(x) : float32[2]\n}`, 'g.txt:3:3 error[graph-text]: the graph has two values named "y"'],
  [`${head}  %y = Add(x) : float32[2]\n}`, 'g.txt:2:3 error[op-arity]: Add "y": got 1 inputs, wanted 2'],
  [`${head}  y = Relu(x) : float32[2]\n}`, 'g.txt:2:7 error[graph-text]: "Relu" is no element type'],
  [`${head}  a, %y = Relu(x) : float32[2]\n}`, 'g.txt:2:3 error[graph-text]: the outputs of nodes begin with "%"'],
  [`${head}  t = float32[2] {1}\n}`, "g.txt:2:18 error[graph-text]: the tensor holds 1 elements, and its type asks for 2"],
  [`${head}  t = float32[2] "AAAA"\n}`, "g.txt:2:18 error[graph-text]: the tensor holds 3 bytes, and its type asks for 8"],
  [`${head}  t = float32[2] {...}\n}`, "error[graph-text]: the contents of this tensor were left out when the graph was printed"],
  [`${head}  t = float32[N] {1}\n}`, "g.txt:2:18 error[graph-text]: the sizes of a tensor with contents are numbers"],
  [`${head}}`, 'g.txt:1:22 error[graph-text]: the output "y" is made by nothing'],
  [`${head}  %y = Relu(x) : float32[2]\n} more`, "g.txt:3:3 error[graph-text]: the graph ends before this"],
  [`${head}  %y = Relu(x) : float32[2]\n`, 'g.txt:3:1 error[graph-text]: got the end of the text, wanted a name, or "}"'],
])("a text that is no graph is an error with its place: %#", (source, message) => {
  expect(() => parseGraph(source, { fileName: "g.txt" })).toThrow(message);
});
