// A fault inside a generic block comes out as the type of its result: a model that returns it does not compile.
import { add, conv2d, defineModel, relu, type Tensor } from "../../src/dsl/index.ts";

function residual<S, C extends number>(x: Tensor<S>, channels: C) {
  return relu(add(conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1 }), x));
}

export const model = defineModel({
  name: "block",
  inputs: { x: ["N", 64, 56, 56] },
  forward: ({ x }) => ({ features: x, y: residual(x, 128) }),
  //                  ^ Type '{ features: Tensor<["N", 64, 56, 56]>; y: Tensor<"add: axis 1: 128 and 64 differ">; }' is not assignable to type '"add: axis 1: 128 and 64 differ"'.
});
export const fine = defineModel({
  name: "block",
  inputs: { x: ["N", 64, 56, 56] },
  forward: ({ x }) => ({ features: x, y: residual(x, 64) }),
});
