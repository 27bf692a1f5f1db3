import { expect, test } from "vitest";
import { type Graph, GraphBuilder, locationAt, type Node, tensorFrom, type Value, verify } from "../../src/ir/index.ts";

/** x -> Relu a -> Reshape b to [2, 6] -> y. */
function network(): Graph {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: [3, 4] });
  const a = b.add("Relu", [x], {}, { name: "a", location: locationAt("net.ts", 2, 5) });
  b.output(b.add("Reshape", [a, b.constant("int64", [2, 6])], {}, { name: "b" }), "y");
  return b.build();
}
const messages = (graph: Graph): readonly string[] => verify(graph).map((d) => d.message);
const first = <T>(list: Iterable<T>): T => {
  for (const item of list) return item;
  throw new Error("empty");
};
/** The graph with its first value (or node) changed, and all that refers to it. */
const withNode = (graph: Graph, index: number, change: (node: Node) => Partial<Node>): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node, i) => (i === index ? Object.assign({}, node, change(node)) : node)),
});

test("a graph from the builder is sound", () => {
  expect(verify(network())).toEqual([]);
});

test("a finding is an error with the node's place", () => {
  const graph = network();
  expect(verify({ ...graph, nodes: graph.nodes.toReversed() })[0]).toEqual({
    severity: "error",
    code: "invalid-graph",
    message: 'Reshape "b" reads "a", which nothing before it makes',
    location: { position: null },
    notes: [],
    help: undefined,
  });
  expect(verify({ ...graph, inputs: [] })[0]?.location.position).toEqual({ file: "net.ts", line: 2, column: 5 });
});

test("nodes in disorder are found", () => {
  const graph = network();
  expect(messages({ ...graph, nodes: graph.nodes.toReversed() })).toEqual(['Reshape "b" reads "a", which nothing before it makes']);
});

test("values from elsewhere are found among inputs and outputs", () => {
  const [graph, other] = [network(), network()];
  expect(messages({ ...graph, outputs: other.outputs })).toEqual(['the output "y" is no value of the graph']);
  expect(messages({ ...graph, inputs: other.inputs })).toEqual(['Relu "a" reads "x", which nothing before it makes']);
  expect(messages({ ...graph, inputs: [...graph.inputs, ...graph.outputs] })).toContain(
    '"y" is an input or initializer, and has a producer',
  );
});

test("names that are taken twice or empty are found", () => {
  const graph = network();
  const twice: Value = { name: "x", type: { dtype: "float32", shape: [] }, producer: null, elements: null };
  expect(messages({ ...graph, inputs: [...graph.inputs, twice] })).toEqual(['two values have the name "x"']);
  expect(messages({ ...graph, inputs: [...graph.inputs, { ...twice, name: "" }] })).toEqual(["a value has no name"]);
  expect(messages({ ...graph, outputs: [...graph.outputs, ...graph.outputs] })).toEqual(['two outputs have the name "y"']);
  expect(messages(withNode(graph, 1, () => ({ name: "a" })))).toContain('two nodes have the name "a"');
});

test("an output whose producer is another node is found", () => {
  expect(messages(withNode(network(), 0, () => ({})))).toEqual(['Relu "a" makes "a", whose producer is another node']);
});

/** A graph of one node whose output is changed after it is made, as no builder would. */
function changed(change: (value: Value) => Partial<Value>): Graph {
  const graph = network();
  for (const value of graph.outputs) Object.assign(value, change(value));
  return graph;
}
test("types that are not the inferred ones are found, and sizes that inference cannot know are not", () => {
  expect(messages(changed(() => ({ type: { dtype: "float32", shape: [3, 4] } })))).toEqual([
    'Reshape "b" makes "y", which is float32[3, 4], and inference says float32[2, 6]',
  ]);
  expect(messages(changed(() => ({ type: { dtype: "float16", shape: [2, 6] } })))).toEqual([
    'Reshape "b" makes "y", which is float16[2, 6], and inference says float32[2, 6]',
  ]);
  const b = new GraphBuilder("g");
  const y = b.add("Reshape", [b.input("x", { dtype: "float32", shape: ["N"] }), b.input("s", { dtype: "int64", shape: [2] })]);
  b.refine(y, ["M", 7]);
  b.output(y);
  expect(verify(b.build())).toEqual([]);
});

test("contents that are not what the op computes are found", () => {
  const b = new GraphBuilder("g");
  const y = b.add("Shape", [b.input("x", { dtype: "float32", shape: ["N", 3] })], {}, { name: "size" });
  b.output(y);
  expect(verify(b.build())).toEqual([]);
  Object.assign(y, { elements: ["N", 4] });
  expect(messages(b.build())).toEqual(['Shape "size" makes "size", whose known contents are not what the op computes']);
});

test("attributes that lack a default, or are none of the op's, are found", () => {
  const b = new GraphBuilder("g");
  b.output(b.add("Elu", [b.input("x", { dtype: "float32", shape: [1] })], {}, { name: "e" }));
  const graph = b.build();
  Object.assign(first(graph.nodes), { attributes: {} });
  expect(messages(graph)).toEqual(['Elu "e" lacks the default of its attribute "alpha"']);
  Object.assign(first(graph.nodes), { attributes: { alpha: 1, beta: 2 } });
  expect(messages(graph)).toEqual(['Elu "e" breaks the rules of its op: there is no attribute "beta"']);
});

test("inputs at the end that are not there are found", () => {
  const graph = network();
  Object.assign(graph.nodes[1] ?? {}, { inputs: [...(graph.nodes[1]?.inputs ?? []), null] });
  expect(messages(graph)).toEqual(['Reshape "b" has inputs at its end that are not there']);
});

test("an initializer whose data is not of its type is found", () => {
  const graph = network();
  const [value] = graph.initializers.keys();
  if (value === undefined) throw new Error("no initializer");
  const messagesWith = (data: ReturnType<typeof tensorFrom>): readonly string[] =>
    messages({ ...graph, initializers: new Map([[value, data]]) });
  expect(messagesWith(tensorFrom("int64", [3], [2, 6, 1]))[0]).toBe('the initializer "const" is int64[2], and its contents are int64[3]');
  expect(messagesWith({ ...tensorFrom("int64", [2], [2, 6]), data: BigInt64Array.of(2n) })).toEqual([
    'the initializer "const" holds 1 elements, and its shape asks for 2',
    'the known contents of the initializer "const" are not its data',
  ]);
  expect(messagesWith(tensorFrom("int64", [2], [6, 2]))).toEqual(['the known contents of the initializer "const" are not its data']);
});
