// What `forward` returns is no tensor, or a result goes where another shape is written.
import { conv2d, type Dim, defineModel, layers, maxPool2d, pipe, relu, type Tensor } from "../../src/dsl/index.ts";

const inputs = { x: ["N", 64, 8, 8] } as const;
const options = { outChannels: 8, kernelSize: 1 } as const;

export const models = [
  defineModel({ name: "a", inputs, forward: () => 5 }),
  //                                              ^ Type 'number' is not assignable to type '"model: forward returns number, but must return a tensor"'.
  defineModel({ name: "b", inputs, forward: async ({ x }) => relu(x) }),
  //                                                         ^ Type 'Promise<Tensor<["N", 64, 8, 8]>>' is not assignable to type '"model: forward is asynchronous, but must return tensors at once"'.
  defineModel({ name: "d", inputs, forward: ({ x }) => ({ y: relu(x), depth: 3 }) }),
  //                                                   ^ Type '{ y: Tensor<["N", 64, 8, 8]>; depth: number; }' is not assignable to type '"model: the output \"depth\" is not a tensor"'.
  defineModel({ name: "e", inputs, forward: ({ x }) => x.shape.join() }),
  //                                                   ^ Type 'string' is not assignable to type '"model: forward returns string, but must return a tensor"'.
  // The result is forgotten.
  defineModel({
    name: "i",
    inputs,
    forward: ({ x }) => {
      // < Object literal may only specify known properties, and 'forward' does not exist in type 'Mistake<"model: forward returns undefined, but must return a tensor">'.
      relu(x);
    },
  }),
  // The layer's value in place of its result.
  defineModel({ name: "k", inputs, forward: ({ x }) => pipe(x, layers.relu) }),
  //                                                   ^ Type 'Layer<Same>' is not assignable to type '"model: forward returns function, but must return a tensor"'.
];
/** An output that there is not always, and outputs that only run time knows, are no mistake. */
export const fine = [
  defineModel({ name: "f", inputs, forward: ({ x }) => ({ y: relu(x), ...(models.length > 3 ? { z: relu(x) } : {}) }) }),
  defineModel({ name: "g", inputs, forward: ({ x }): unknown => relu(x) }),
  defineModel({ name: "h", inputs, forward: ({ x }): Record<string, Tensor<Dim[]>> => ({ y: relu(x) }) }),
];

// The shape that is written is not what the layer gives.
export const written = (x: Tensor<["N", 64, 8, 8]>): Tensor<["N", 8, 4, 4]> => conv2d(x, options);
//                                                                             ^ Type 'Tensor<["N", 8, 8, 8]>' is not assignable to type 'Tensor<["N", 8, 4, 4]>'. Type '["N", 8, 8, 8]' is not assignable to type '["N", 8, 4, 4]'. Type at position 2 in source is not compatible with type at position 2 in target. Type '8' is not assignable to type '4'.
export const pooled = (x: Tensor<["N", 64, 8, 8]>): Tensor<["N", 64, 8, 8]> => maxPool2d(x, { kernelSize: 2 });
//                                                                             ^ Type 'Tensor<["N", 64, 4, 4]>' is not assignable to type 'Tensor<["N", 64, 8, 8]>'. Type '["N", 64, 4, 4]' is not assignable to type '["N", 64, 8, 8]'. Type at position 2 in source is not compatible with type at position 2 in target. Type '4' is not assignable to type '8'.
export function narrowed(x: Tensor<["N", 64, 8, 8]>): void {
  let y = x;
  for (let i = 0; i < 3; i++) y = layers.conv2d(options)(y);
  //                          ^ Type 'Tensor<["N", 8, 8, 8]>' is not assignable to type 'Tensor<["N", 64, 8, 8]>'. Type '["N", 8, 8, 8]' is not assignable to type '["N", 64, 8, 8]'. Type at position 1 in source is not compatible with type at position 1 in target. Type '8' is not assignable to type '64'.
  const z: Tensor<["N", 8]> = layers.conv2d(options)(y);
  //    ^ Type 'Tensor<["N", 8, 8, 8]>' is not assignable to type 'Tensor<["N", 8]>'. Type '["N", 8, 8, 8]' is not assignable to type '["N", 8]'. Source has 4 element(s) but target allows only 2.
  relu(z);
}
