/** Tables of learnt vectors, as torch.nn.Embedding. */
import type { DType } from "../../ir/dtype.ts";
import { type Init, normal } from "../init.ts";
import type { After, Rule } from "../layer.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, Tensor, TypedTensor } from "../tensor.ts";
import { add, check, declare, enterLayer, operand, result } from "../trace.ts";
import { ofOneParameter, optionsFault, required, settings } from "./options.ts";

/** embedding on indices, as a rule. */
export interface Embedding<E> extends Rule {
  readonly out: this["in"] extends string ? this["in"] : this["in"] extends readonly unknown[] ? [...this["in"], E] : never;
}

type IndicesFault<D extends DType> = D extends "int64" | "int32" ? true : `embedding: the indices are ${D}, but must be int64 or int32`;
/** The options of embedding. */
export interface EmbeddingOptions<V extends number, E extends number> {
  numEmbeddings: Checked<V, Positive<"embedding: numEmbeddings", V>>;
  embeddingDim: Checked<E, Positive<"embedding: embeddingDim", E>>;
  init?: Init;
  name?: string;
}
/** A row of a learnt table for each index: int64[...] -> float32[..., embeddingDim]. */
export function embedding<S, V extends number, E extends number, D extends DType>(
  indices: Checked<TypedTensor<S, D>, IndicesFault<D>>,
  options: EmbeddingOptions<V, E>,
): Tensor<After<S, [Embedding<E>]>> {
  const o = settings<EmbeddingSettings>(options, { numEmbeddings: required, embeddingDim: required, init: normal(), name: undefined });
  const call = enterLayer("embedding", embedding, arguments, o.name);
  const value = operand(call, indices);
  const { dtype } = value.type;
  const fault = { code: "index-dtype", text: `the indices are ${dtype}, but must be int64 or int32`, help: 'cast them: cast(x, "int64")' };
  check(call, [value], optionsFault(options, o, ofOneParameter));
  check(call, [value], positive("numEmbeddings", o.numEmbeddings), positive("embeddingDim", o.embeddingDim));
  check(call, [value], dtype === "int64" || dtype === "int32" ? null : fault);
  const weight = declare(call, "weight", [o.numEmbeddings, o.embeddingDim], o.init);
  return result(call, add(call, "Gather", [weight, value], { axis: 0 }));
}
interface EmbeddingSettings {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly init: Init;
  readonly name: string | undefined;
}
