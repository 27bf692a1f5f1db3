/** The types of whole models: a factory's options are in the type of its inputs and outputs, and a model without literals is open there. */
import { type Tensor, trace } from "striate";
import { expect, test } from "vitest";
import { alexnet } from "../../models/alexnet.ts";
import { densenet121 } from "../../models/densenet.ts";
import { googlenet } from "../../models/googlenet.ts";
import { inceptionV3Aux } from "../../models/inception-v3.ts";
import { mobilenetV2 } from "../../models/mobilenet-v2.ts";
import { resnet18, resnet50 } from "../../models/resnet.ts";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { unet } from "../../models/unet.ts";
import { vgg11 } from "../../models/vgg.ts";
import { vitB16 } from "../../models/vit.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only when the outputs of a model are O, by name. */
const outputs =
  <O>() =>
  <P>(model: { forward(inputs: never): P }, _equal: Equal<P, O>): { forward(inputs: never): P } =>
    model;
const some: number = 7;

test("options are in the types of a model's outputs", () => {
  outputs<{ logits: Tensor<["N", 10]> }>()(resnet18({ numClasses: 10 }), true);
  outputs<{ logits: Tensor<["N", 1000]> }>()(resnet50(), true);
  outputs<{ logits: Tensor<["N", 37]> }>()(vgg11({ numClasses: 37, imageSize: 64 }), true);
  outputs<{ logits: Tensor<["N", 1000]> }>()(alexnet(), true);
  outputs<{ logits: Tensor<["N", 5]> }>()(mobilenetV2({ numClasses: 5 }), true);
  outputs<{ logits: Tensor<["N", 100]> }>()(vitB16({ numClasses: 100 }), true);
  outputs<{ logits: Tensor<["N", 10]> }>()(simpleCnn(), true);
  outputs<{ logits: Tensor<["N", 3, number, number]> }>()(unet({ numClasses: 3 }), true);
  outputs<{ logits: Tensor<["N", 9]> }>()(densenet121({ numClasses: 9 }), true);
  outputs<{ logits: Tensor<["N", 1000]> }>()(googlenet(), true);
  outputs<{ logits: Tensor<["N", 8]>; auxLogits: Tensor<["N", 8]> }>()(inceptionV3Aux({ numClasses: 8 }), true);
  outputs<{ logits: Tensor<["N", number]> }>()(resnet18({ numClasses: some }), true);
  expect(trace(resnet18({ numClasses: some })).outputs[0]?.value.type.shape).toEqual(["N", 7]);
});
