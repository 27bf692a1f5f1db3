// Feeds that do not fit a model: the error stands on the name, the dtype, the shape, or the one size that is wrong.
import { defineModel, relu } from "../../src/dsl/index.ts";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { createSession } from "../../src/runtime/session.ts";

const net = defineModel({
  name: "Net",
  inputs: { image: ["N", 3, 8, 8], mask: { shape: ["N", 8, 8], dtype: "bool" } },
  forward: ({ image, mask }) => ({ scores: relu(image), mask }),
});
declare const mask: TensorData;

export async function mistakes() {
  const session = await createSession<typeof net>("net.onnx");
  const data = new Float32Array(2 * 3 * 8 * 8);
  await session.run({ image: { dtype: "float64", shape: [2, 3, 8, 8], data }, mask });
  //                           ^ Type '"float64"' is not assignable to type '"float32"'.
  await session.run({ image: { dtype: "float32", shape: [2, 4, 8, 8], data }, mask });
  //                                                        ^ Type '4' is not assignable to type '3'.
  await session.run({ image: { dtype: "float32", shape: [3, 8, 8], data }, mask });
  //                                             ^ Type 'number[]' is not assignable to type '"3 axes, wanted [N, 3, 8, 8]"'.
  await session.run({ image: { dtype: "float32", shape: [2, 3, 8, 8], data: new Float64Array(384) }, mask });
  //                                                                  ^ Type 'Float64Array<ArrayBuffer>' is not assignable to type '"float32 in a Float64Array, wanted a Float32Array"'.
  await session.run({ imag: { dtype: "float32", shape: [2, 3, 8, 8], data }, mask });
  //                  ^ Object literal may only specify known properties, but 'imag' does not exist in type '{ readonly image: Feed; readonly mask: Feed; }'. Did you mean to write 'image'?
  await session.run({ image: { dtype: "float32", shape: [2, 3, 8, 8], data }, mask, label: mask });
  //                                                                                ^ Type 'TensorData' is not assignable to type '"the model has no input \"label\""'.
  const results = await session.run({ image: { dtype: "float32", shape: [2, 3, 8, 8], data }, mask }, ["scores", "probs"]);
  //                                                                                                             ^ Type '"probs"' is not assignable to type '"mask" | "scores"'.
  results.logits;
  //      ^ Property 'logits' does not exist on type '{ readonly mask: TypedHostTensor<[2, 8, 8], "bool">; readonly scores: HostTensor<[2, 3, 8, 8]>; }'.
}
