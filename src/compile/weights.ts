import { userError } from "../ir/diagnostic.ts";
import { printType } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { sameShape } from "../ir/shape.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import type { Source } from "./source.ts";

/** What the parameters hold. */
export interface WeightOptions {
  /** Parameters and buffers by name; all or none. Initialised from the seed when absent. */
  readonly weights?: ReadonlyMap<string, TensorData>;
  readonly seed?: number;
}

/** The tensor of every parameter: the weights given, which must match exactly, or the initial ones. Throws a CompileError that lists all that do not match. */
export function withWeights(source: Source, { weights, seed = 0 }: WeightOptions): ReadonlyMap<string, TensorData> {
  if (weights === undefined) return source.initial(seed);
  const wanted = new Map(source.parameters.map((p) => [p.name, p.value.type]));
  const missing = [...wanted].filter(([name]) => !weights.has(name)).map(([name, type]) => `missing ${name} ${printType(type)}`);
  const surplus = [...weights.keys()].filter((name) => !wanted.has(name)).map((name) => `surplus ${name}`);
  const wrong = [...weights].flatMap(([name, data]) => {
    const type = wanted.get(name);
    const fits = type === undefined || (type.dtype === data.dtype && sameShape(type.shape, data.shape));
    return fits ? [] : [`${name} is ${printType(data)}, wanted ${printType(type)}`];
  });
  const faults = [...missing, ...surplus, ...wrong];
  if (faults.length === 0) return weights;
  throw userError(
    "weights",
    `the weights do not fit the model: ${faults.length} of ${Math.max(wanted.size, weights.size)} tensors differ`,
    nowhere,
    {
      notes: faults.map((message) => ({ message, location: nowhere })),
      help: "weights are matched by their state_dict names; pass those of this very architecture",
    },
  );
}
