/** Values of a model by name, and the one that is meant when none is named. */
import type { Source } from "../compile/index.ts";
import { userError } from "../ir/diagnostic.ts";
import { isFloat } from "../ir/dtype.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { featureMaps } from "../passes/index.ts";

/** The value of that name, or the first output of the node of that name. Throws a CompileError that lists what there is; `of` says of what. */
export function findValue(graph: Graph, name: string, of = graph.name): Value {
  const produced = graph.nodes.flatMap((node) => node.outputs.flatMap((value) => (value === null ? [] : [{ value, node }])));
  const found = produced.find(({ value }) => value.name === name) ?? produced.find(({ node }) => node.name === name);
  if (found !== undefined) return found.value;
  const names = produced.map(({ value }) => value.name);
  throw userError("unknown-name", `${of}: there is no value "${name}"`, nowhere, {
    help: `there are ${names.slice(0, 20).join(", ")}${names.length > 20 ? ` and ${names.length - 20} more` : ""}`,
  });
}

/**
 * The last map of several positions that lies over an input, whatever global gates act on it: the one in front of the head. Throws a
 * CompileError where there is none.
 */
export function lastFeatureMap({ graph, inputs }: Pick<Source, "graph" | "inputs">, of = graph.name): Value {
  const maps = inputs.map((input) => featureMaps(graph, input));
  const isMap = (value: Value): boolean =>
    isFloat(value.type.dtype) &&
    value.elements === null &&
    maps.some((map) => map.get(value)?.some((axis) => value.type.shape[axis] !== 1));
  const found = graph.nodes
    .flatMap((node) => node.outputs)
    .toReversed()
    .find((v) => v !== null && isMap(v));
  if (found !== undefined && found !== null) return found;
  throw userError("no-feature-map", `${of}: no value lies over an input as a map: all see the whole of it`, nowhere, {
    help: "name a value with --value or `value`",
  });
}

/** The axes along which a unit of a value has a place: those of the image's height and width in a map, else those behind batch and channels. */
export const placedAxes = (graph: Graph, value: Value, input: Value): readonly number[] =>
  featureMaps(graph, input).get(value) ?? value.type.shape.map((_, axis) => axis).slice(2);
