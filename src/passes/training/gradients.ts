/** Reverse-mode differentiation: walks nodes backwards, asks each op's record for its rule, and sums what meets. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { InternalError } from "../../ir/diagnostic.ts";
import { neverEqual } from "../../ir/dim.ts";
import { isFloat } from "../../ir/dtype.ts";
import { type Node, printType, type Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import type { OpType } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { askRecord } from "../node-fault.ts";
import { refuseBlocked, withoutDerivative } from "./blocked-gradient.ts";

/** What is known of the cotangents while walking backwards. */
interface Sweep {
  readonly b: GraphBuilder;
  /** The values that depend on what the gradient is asked for. */
  readonly active: ReadonlySet<Value>;
  /** The cotangents that have arrived at each value; their sum is its cotangent. */
  readonly arrived: Map<Value, Value[]>;
  /** The node through which the first cotangent came, for messages. */
  readonly via: Map<Value, Node>;
}

/**
 * Adds the gradient of nodes that a builder holds: given the cotangents of some values, it computes those of `wrt`.
 *
 * Nothing is computed for values that do not depend on `wrt`, and nothing through integers. A value of `wrt` without influence on
 * what has a cotangent is absent from the answer. Throws a CompileError that names the path when only ops without a derivative lead to it.
 */
export function appendGradients(
  b: GraphBuilder,
  nodes: readonly Node[],
  cotangents: ReadonlyMap<Value, Value>,
  wrt: readonly Value[],
): ReadonlyMap<Value, Value> {
  const arrived = new Map([...cotangents].map(([value, dy]) => [value, [dy]]));
  const sweep: Sweep = { b, active: activeValues(nodes, wrt), arrived, via: new Map() };
  // A copy, since `nodes` may be the builder's own growing list.
  const forward = [...nodes];
  for (const node of forward.toReversed()) stepBack(sweep, node);
  const gradients = new Map<Value, Value>();
  for (const value of wrt) {
    const gradient = cotangentOf(sweep, value);
    if (gradient !== null) gradients.set(value, gradient);
  }
  refuseBlocked(
    forward,
    new Set(cotangents.keys()),
    wrt.filter((v) => !gradients.has(v)),
  );
  return gradients;
}

/** The floating values that depend on what the gradient is asked for. */
function activeValues(nodes: readonly Node[], wrt: readonly Value[]): ReadonlySet<Value> {
  const active = new Set(wrt);
  for (const node of nodes) {
    if (!node.inputs.some((v) => v !== null && active.has(v))) continue;
    for (const output of node.outputs) if (output !== null && isFloat(output.type.dtype)) active.add(output);
  }
  return active;
}

/**
 * The sum of the cotangents that arrived at a value, which becomes the only one; null for none. More than two are one Sum: on onnxruntime's
 * CPU it gives the bits of a chain of Adds, and takes 0.6 of the time of a chain or a balanced tree of 4 to 8 activations.
 */
function cotangentOf({ b, arrived }: Sweep, value: Value): Value | null {
  const parts = arrived.get(value) ?? [];
  const [first, second, ...rest] = parts;
  if (first === undefined || second === undefined) return first ?? null;
  const origin = { name: `${value.producer?.name ?? value.name}/grad`, location: value.producer?.location ?? nowhere };
  const total = b.from(origin, () => (rest.length === 0 ? b.add("Add", [first, second]) : b.add("Sum", parts)));
  arrived.set(value, [total]);
  return total;
}

function stepBack(sweep: Sweep, node: Node): void {
  if (!node.outputs.some((v) => v !== null && sweep.active.has(v) && sweep.arrived.has(v))) return;
  const wanted = node.inputs.map((v) => v !== null && sweep.active.has(v));
  if (!wanted.includes(true)) return;
  const dys = node.outputs.map((v) => (v === null ? null : cotangentOf(sweep, v)));
  const dxs = gradientsOf(sweep, node, dys, wanted);
  node.inputs.forEach((input, i) => {
    const dx = dxs[i];
    if (input === null || wanted[i] !== true || dx === null || dx === undefined) return;
    checkLikeness(node, input, dx);
    const list = sweep.arrived.get(input);
    if (list === undefined) sweep.arrived.set(input, [dx]);
    else list.push(dx);
    if (!sweep.via.has(input)) sweep.via.set(input, node);
  });
}

function gradientsOf<T extends OpType>(
  sweep: Sweep,
  node: Node<T>,
  dys: readonly (Value | null)[],
  wanted: readonly boolean[],
): readonly (Value | null)[] {
  const { grad } = schemaOf(node.opType);
  if (grad === "none") throw withoutDerivative(node, sweep.via);
  return sweep.b.from({ name: `${node.name}/grad`, location: node.location }, () =>
    askRecord(node, "gradient", () => grad(sweep.b, node, dys, wanted)),
  );
}

/** A rule's fault, not the user's: a cotangent has the type of what it belongs to. */
function checkLikeness(node: Node, x: Value, dx: Value): void {
  const [from, to] = [x.type.shape, dx.type.shape];
  const fits = x.type.dtype === dx.type.dtype && from.length === to.length && from.every((d, i) => !neverEqual(d, to[i] ?? d));
  if (fits) return;
  throw new InternalError(
    `the gradient rule of ${node.opType} gives ${printType(dx.type)} for "${x.name}", ${printType(x.type)} (node "${node.name}")`,
  );
}
