/** Models with their sizes forgotten: what a model says of its inputs' sizes becomes symbols, equal ones where sizes are equal. */
import { decodeModel, encodeModel } from "../../src/codegen/index.ts";

type Model = ReturnType<typeof decodeModel>;
type Info = NonNullable<NonNullable<Model["graph"]>["input"]>[number];
type Shape = NonNullable<NonNullable<NonNullable<Info["type"]>["tensorType"]>["shape"]>;

/** Sizes above 1 become d2, d3 and so on; a size of 1 stays, since it broadcasts. */
const forgotten = ({ dim = [] }: Shape): Shape => ({
  dim: dim.map((d) => (d.dimValue !== undefined && d.dimValue > 1 ? { dimParam: `d${d.dimValue}` } : d)),
});
const retyped = (info: Info, shape: Shape | undefined): Info => ({
  ...info,
  type: { ...info.type, tensorType: { ...info.type?.tensorType, ...(shape === undefined ? {} : { shape }) } },
});

/** The model with symbolic input sizes, and without the shapes that it declares of all else. Vectors of integers keep theirs: a rank may hang on it. */
export function withSymbolicSizes(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  const { graph = {} } = model;
  const initializers = new Set((graph.initializer ?? []).map(({ name }) => name));
  const int64 = 7;
  const input = (graph.input ?? []).map((info) => {
    const { shape, elemType } = info.type?.tensorType ?? {};
    const kept = shape === undefined || initializers.has(info.name) || (elemType === int64 && (shape.dim?.length ?? 0) === 1);
    return kept ? info : retyped(info, forgotten(shape));
  });
  const output = (graph.output ?? []).map((info) => ({
    ...info,
    type: { ...info.type, tensorType: { elemType: info.type?.tensorType?.elemType } },
  }));
  return encodeModel({ ...model, graph: { ...graph, input, output, valueInfo: [] } });
}
