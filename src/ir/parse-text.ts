/** Reads the text form of graphs, as print.ts writes it, through the builder: types are inferred again and compared with the text. */
import { GraphBuilder } from "./builder.ts";
import { CompileError } from "./diagnostic.ts";
import { type Dim, isUnknown, parseDim } from "./dim.ts";
import { isDType } from "./dtype.ts";
import type { Graph, TensorType, Value } from "./graph.ts";
import { locationAt, nowhere, type SourceLocation } from "./location.ts";
import type { AttributeKind, AttributeValue } from "./op-signature.ts";
import { isOpType, type OpAttributes, type OpType, signatures } from "./op-types.ts";
import { parseNumber, parseTensor } from "./parse-tensor.ts";
import { printShape } from "./shape.ts";
import { type Tokens, tokensOf } from "./tokens.ts";

/** How a text is read. */
export interface ParseTextOptions {
  /** What messages call the text. */
  readonly fileName?: string;
}

/** The graph that a text says. Throws a CompileError that names line and column where the text says none. */
export function parseGraph(text: string, { fileName = "graph" }: ParseTextOptions = {}): Graph {
  const tokens = tokensOf(text, fileName);
  const graph = graphFrom(tokens);
  if (!tokens.ended()) throw tokens.fail("the graph ends before this");
  return graph;
}

interface Scope {
  readonly tokens: Tokens;
  readonly b: GraphBuilder;
  readonly values: Map<string, Value>;
}
interface Declared {
  readonly name: string;
  readonly type: TensorType;
  readonly place: SourceLocation;
}

function graphFrom(tokens: Tokens): Graph {
  const b = new GraphBuilder(nameFrom(tokens, "the graph's name"));
  const scope: Scope = { tokens, b, values: new Map() };
  for (const { name, type, place } of declaredList(tokens)) define(scope, name, place, () => b.input(name, type));
  if (tokens.word('"->"') !== "->") throw tokens.fail('wanted "->" before the outputs');
  const outputs = declaredList(tokens);
  tokens.expect("{");
  while (!tokens.take("}")) statement(scope);
  for (const { name, type, place } of outputs) {
    const value = scope.values.get(name);
    if (value === undefined) throw tokens.fail(`the output "${name}" is made by nothing`, place);
    compare(scope, value, type, place);
    b.output(value);
  }
  return b.build();
}
function declaredList(tokens: Tokens): readonly Declared[] {
  return list(tokens, "(", ")", () => {
    const place = tokens.place();
    const name = nameFrom(tokens, "a name");
    tokens.expect(":");
    return { name, type: typeFrom(tokens), place };
  });
}
function list<T>(tokens: Tokens, open: string, close: string, one: () => T): readonly T[] {
  const out: T[] = [];
  tokens.expect(open);
  while (!tokens.take(close)) {
    if (out.length > 0) tokens.expect(",");
    out.push(one());
  }
  return out;
}
const nameFrom = (tokens: Tokens, wanted: string): string => tokens.quoted() ?? tokens.word(wanted);

function typeFrom(tokens: Tokens): TensorType {
  const place = tokens.place();
  const dtype = tokens.word("an element type");
  if (!isDType(dtype)) throw tokens.fail(`"${dtype}" is no element type`, place);
  const at = tokens.place();
  return { dtype, shape: tokens.bracketed().map((text) => dimFrom(tokens, text, at)) };
}
function dimFrom(tokens: Tokens, text: string, place: SourceLocation): Dim {
  try {
    return parseDim(text);
  } catch (error) {
    if (error instanceof RangeError) throw tokens.fail(error.message, place);
    throw error;
  }
}

/** An initializer (`name = type {...}`) or a node (`%a, _, %b = Op "name"(inputs) {attributes} : types # place`). */
function statement(scope: Scope): void {
  const { tokens, b } = scope;
  const place = tokens.place();
  const outputs = outputNames(tokens);
  const [first] = outputs;
  tokens.expect("=");
  if (outputs.length === 1 && first !== undefined && first !== null && !first.node) {
    const type = typeFrom(tokens);
    define(scope, first.name, place, () => b.initializer(first.name, parseTensor(tokens, type)));
  } else if (outputs.some((output) => output?.node === false)) throw tokens.fail('the outputs of nodes begin with "%"', place);
  else
    nodeFrom(
      scope,
      place,
      outputs.map((output) => output?.name ?? null),
    );
}
function outputNames(tokens: Tokens): readonly ({ readonly name: string; readonly node: boolean } | null)[] {
  const out: ({ readonly name: string; readonly node: boolean } | null)[] = [];
  do {
    const node = tokens.take("%");
    const quoted = tokens.quoted();
    const name = quoted ?? tokens.word('a name, or "}"');
    out.push(quoted === null && name === "_" && !node ? null : { name, node });
  } while (tokens.take(","));
  return out;
}

function nodeFrom(scope: Scope, place: SourceLocation, outputs: readonly (string | null)[]): void {
  const { tokens, b, values } = scope;
  const opPlace = tokens.place();
  const opType = tokens.word("an op");
  if (!isOpType(opType)) throw tokens.fail(`there is no op "${opType}"`, opPlace);
  const name = tokens.quoted() ?? outputs.find((output) => output !== null) ?? opType;
  const inputs = list(tokens, "(", ")", () => inputFrom(scope));
  const attributes = tokens.peek("{") ? attributesFrom(tokens, opType) : {};
  tokens.expect(":");
  const types: (TensorType | null)[] = [];
  do types.push(typeOrNone(tokens));
  while (tokens.take(","));
  const location = locationFrom(tokens.remark());
  const node = explained(place, () => b.addNode(opType, inputs, attributes, { name, outputs, location }));
  node.outputs.forEach((value, i) => {
    if (value === null) return;
    if (values.has(value.name) || value.name !== outputs[i])
      throw tokens.fail(`the graph has two values named "${outputs[i] ?? ""}"`, place);
    const type = types[i];
    if (type === null || type === undefined) throw tokens.fail(`the type of "${value.name}" is missing`, place);
    compare(scope, value, type, place);
    values.set(value.name, value);
  });
  if (node.name !== name) throw tokens.fail(`the graph has two nodes named "${name}"`, place);
}
function typeOrNone(tokens: Tokens): TensorType | null {
  // No element type begins with "_".
  return tokens.take("_") ? null : typeFrom(tokens);
}
function inputFrom({ tokens, values }: Scope): Value | null {
  const place = tokens.place();
  const node = tokens.take("%");
  const quoted = tokens.quoted();
  const name = quoted ?? tokens.word("an input");
  if (quoted === null && name === "_" && !node) return null;
  const value = values.get(name);
  if (value === undefined) throw tokens.fail(`there is no value "${name}" above this line`, place);
  return value;
}
/** Adds where the text stands to what the builder finds wrong. */
function explained<R>(place: SourceLocation, build: () => R): R {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    throw new CompileError(
      error.diagnostics.map((d) =>
        d.location.position === null
          ? { ...d, location: place }
          : { ...d, notes: [...d.notes, { message: "in this line", location: place }] },
      ),
    );
  }
}
function define(scope: Scope, name: string, place: SourceLocation, make: () => Value): void {
  const value = explained(place, make);
  scope.values.set(name, value);
}

/** The type in the text has to be the inferred one; sizes that inference cannot know are the text's. */
function compare({ tokens, b }: Scope, value: Value, type: TensorType, place: SourceLocation): void {
  const { dtype, shape } = value.type;
  const same = dtype === type.dtype && shape.length === type.shape.length && shape.every((d, i) => d === type.shape[i] || isUnknown(d));
  if (!same)
    throw tokens.fail(`"${value.name}" is ${dtype}${printShape(shape)}, but the text says ${type.dtype}${printShape(type.shape)}`, place);
  if (value.producer !== null && shape.some((d, i) => d !== type.shape[i])) b.refine(value, type.shape);
}

const locationText = /^(.+):(\d+):(\d+)$/;
function locationFrom(remark: string): SourceLocation {
  const [, file, line, column] = locationText.exec(remark) ?? [];
  return file === undefined ? nowhere : locationAt(file, Number(line), Number(column));
}

function attributesFrom(tokens: Tokens, opType: OpType): Partial<OpAttributes[OpType]> {
  const schema = signatures[opType].versions.at(-1)?.attributes ?? {};
  const entries = list(tokens, "{", "}", () => {
    const place = tokens.place();
    const name = tokens.word("an attribute");
    const kind = schema[name]?.kind;
    if (kind === undefined) throw tokens.fail(`${opType} has no attribute "${name}"`, place);
    tokens.expect("=");
    return [name, attributeValues[kind](tokens)] as const;
  });
  return uncheckedAttributes(Object.fromEntries(entries));
}
/** Sound because the builder checks every attribute against the op's signature. */
const uncheckedAttributes = (attributes: Readonly<Record<string, AttributeValue>>): Partial<OpAttributes[OpType]> =>
  attributes as Partial<OpAttributes[OpType]>;

const stringFrom = (tokens: Tokens): string => {
  const text = tokens.quoted();
  if (text === null) throw tokens.fail("wanted a text in quotes");
  return text;
};
/** How the value of each kind of attribute is read. */
const attributeValues: Readonly<Record<AttributeKind, (tokens: Tokens) => AttributeValue>> = {
  int: parseNumber,
  float: parseNumber,
  string: stringFrom,
  ints: (tokens) => list(tokens, "[", "]", () => parseNumber(tokens)),
  floats: (tokens) => list(tokens, "[", "]", () => parseNumber(tokens)),
  strings: (tokens) => list(tokens, "[", "]", () => stringFrom(tokens)),
  tensor: (tokens) => parseTensor(tokens, typeFrom(tokens)),
  graph: graphFrom,
};
