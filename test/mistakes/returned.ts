// A fault that a model returns at once is told once, at the argument; one that comes out of a generic block, where it is first used.
import {
  add,
  batchNorm2d,
  concat,
  conv2d,
  defineModel,
  flatten,
  layers,
  matmul,
  maxPool2d,
  relu,
  repeat,
  reshape,
  scope,
  sequential,
  type Tensor,
} from "../../src/dsl/index.ts";

const inputs = { x: ["N", 64, 8, 8], z: ["N", 32, 8, 8] } as const;
const one = { outChannels: 64, kernelSize: 1 } as const;

export const models = [
  defineModel({ name: "a", inputs, forward: ({ x, z }) => add(x, z) }),
  //                                                             ^ Argument of type 'Tensor<["N", 32, 8, 8]>' is not assignable to parameter of type '"add: axis 1: 64 and 32 differ"'.
  defineModel({ name: "b", inputs, forward: ({ x }) => ({ y: maxPool2d(x, { kernelSize: 9 }) }) }),
  //                                                                   ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"maxPool2d: kernel 9 exceeds the input height 8"'.
  defineModel({
    name: "c",
    inputs,
    forward({ x, z }) {
      const y = matmul(x, concat([x, z], 2));
      //                             ^ Type 'Tensor<["N", 32, 8, 8]>' is not assignable to type '"concat: axis 1: 64 and 32 differ"'.
      return { y, w: conv2d(relu(y), one) };
    },
  }),
  defineModel({ name: "d", inputs, forward: ({ x }) => conv2d(reshape(x, ["N", 5]), one) }),
  //                                                                     ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"reshape: 4096 elements do not fill a shape of 5"'.
  defineModel({ name: "e", inputs, forward: ({ x }) => scope("s", () => conv2d(x, { ...one, inChannels: 4 })) }),
  //                                                                           ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"conv2d: input has 64 channels, but inChannels is 4"'.
  defineModel({ name: "f", inputs, forward: ({ x }) => repeat(x, 2, (y) => conv2d(y, { outChannels: 64, kernelSize: 9 })) }),
  //                                                                              ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"conv2d: kernel 9 exceeds the input height 8"'.
  defineModel({ name: "g", inputs, forward: ({ x }) => sequential(layers.conv2d({ outChannels: 3, kernelSize: 9 }))(x) }),
  //                                                                                                                ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"conv2d: kernel 9 exceeds the input height 8"'.
  defineModel({ name: "h", inputs, forward: ({ x }) => relu(batchNorm2d(flatten(x))) }),
  //                                                                    ^ Argument of type 'FlatTensor<["N", 4096], "64 * 8 * 8">' is not assignable to parameter of type '"batchNorm2d: input has 2 axes, but [N, C, H, W] are needed"'.
  defineModel({ name: "i", inputs, forward: ({ x }) => residual(x, 128) }),
  //                                                   ^ Type 'Tensor<"add: axis 1: 128 and 64 differ">' is not assignable to type '"add: axis 1: 128 and 64 differ"'.
  defineModel({ name: "j", inputs, forward: ({ x }) => conv2d(conv2d(residual(x, 128), one), one) }),
  //                                                                 ^ Argument of type 'Tensor<"add: axis 1: 128 and 64 differ">' is not assignable to parameter of type '"add: axis 1: 128 and 64 differ"'.
  defineModel({ name: "k", inputs, forward: ({ x }) => add(concat([residual(x, 128), x], 1), x) }),
  //                                                               ^ Type 'Tensor<"add: axis 1: 128 and 64 differ">' is not assignable to type '"add: axis 1: 128 and 64 differ"'.
  defineModel({ name: "l", inputs, forward: ({ x }) => window(x, 9) }),
  //                                                   ^ Type 'Tensor<"conv2d: kernel 9 exceeds the input height 8">' is not assignable to type '"conv2d: kernel 9 exceeds the input height 8"'.
];
function residual<S, C extends number>(x: Tensor<S>, channels: C) {
  return relu(add(conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1 }), x));
}
// The fault depends on what the function's caller says, though the input is known.
function window<K extends number>(x: Tensor<["N", 64, 8, 8]>, kernelSize: K) {
  return conv2d(x, { outChannels: 4, kernelSize });
}
