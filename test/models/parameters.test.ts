/** Names, shapes and counts of parameters against torchvision's state_dicts in ../shared/goldens. */
import { type AnyModel, trace } from "striate";
import { describe, expect, test } from "vitest";
import { alexnet } from "../../models/alexnet.ts";
import { densenet121, densenet169, densenet201 } from "../../models/densenet.ts";
import { googlenet } from "../../models/googlenet.ts";
import { inceptionV3, inceptionV3Aux } from "../../models/inception-v3.ts";
import { mobilenetV2 } from "../../models/mobilenet-v2.ts";
import { resnet18, resnet34, resnet50, resnet101, resnet152 } from "../../models/resnet.ts";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { unet } from "../../models/unet.ts";
import { vgg11, vgg13, vgg16, vgg16Bn, vgg19 } from "../../models/vgg.ts";
import { vit, vitB16 } from "../../models/vit.ts";
import { golden, goldensMissing, type StateRow } from "../support/goldens.ts";

const recorded: readonly (readonly [file: string, model: AnyModel])[] = [
  ["models/alexnet", alexnet()],
  ["models/inception_v3", inceptionV3Aux()],
  ["models/mobilenet_v2", mobilenetV2()],
  ["models/resnet18", resnet18()],
  ["models/resnet34", resnet34()],
  ["models/resnet50", resnet50()],
  ["models/resnet101", resnet101()],
  ["models/vgg16", vgg16()],
  ["models/vgg16_bn", vgg16Bn()],
  ["models/vgg19", vgg19()],
  ["models/vit_b_16", vitB16()],
  ["training/simple_cnn_sgd", simpleCnn({ inChannels: 3, imageSize: 32, numClasses: 10 })],
  ["training/resnet18_sgd_momentum", resnet18({ numClasses: 10, imageSize: 64 })],
  ["training/mobilenet_v2_adam", mobilenetV2({ numClasses: 10, imageSize: 64 })],
  ["training/unet_adam", unet({ numClasses: 3, imageSize: 32, width: 8 })],
  ["training/vit_tiny_adamw", vit({ imageSize: 32, patchSize: 8, hiddenDim: 48, mlpDim: 96, numLayers: 2, numHeads: 3, numClasses: 10 })],
];
interface Recording {
  readonly state: readonly StateRow[];
}
const byName = <T extends readonly [string, ...unknown[]]>(rows: readonly T[]): readonly T[] =>
  rows.toSorted(([a], [b]) => (a < b ? -1 : 1));
const isBuffer = (kind: string): boolean => kind.startsWith("running");

describe.skipIf(goldensMissing !== null)(
  `state_dicts of torchvision${goldensMissing === null ? "" : ` (skipped: ${goldensMissing})`}`,
  () => {
    test.each(recorded)("%s has the same names, shapes and roles", (file, model) => {
      const { state } = golden(file) as Recording;
      const wanted = state.map(([name, shape, kind]) => [name, shape, isBuffer(kind) ? "buffer" : "parameter"] as const);
      const actual = trace(model).parameters.map(({ name, value, role }) => [name, value.type.shape, role] as const);
      expect(byName(actual)).toEqual(byName(wanted));
    });
  },
);

const count = (model: AnyModel): number =>
  trace(model)
    .parameters.filter(({ role }) => role === "parameter")
    .reduce((total, { value }) => total + value.type.shape.reduce<number>((product, d) => product * Number(d), 1), 0);

test.each([
  ["resnet18", resnet18(), 11_689_512],
  ["resnet34", resnet34(), 21_797_672],
  ["resnet50", resnet50(), 25_557_032],
  ["resnet101", resnet101(), 44_549_160],
  ["resnet152", resnet152(), 60_192_808],
  ["vgg11", vgg11(), 132_863_336],
  ["vgg13", vgg13(), 133_047_848],
  ["vgg16", vgg16(), 138_357_544],
  ["vgg16Bn", vgg16Bn(), 138_365_992],
  ["vgg19", vgg19(), 143_667_240],
  ["mobilenetV2", mobilenetV2(), 3_504_872],
  ["alexnet", alexnet(), 61_100_840],
  ["inceptionV3", inceptionV3(), 23_834_568],
  ["inceptionV3 with its auxiliary classifier", inceptionV3Aux(), 27_161_264],
  ["googlenet", googlenet(), 6_624_904],
  ["densenet121", densenet121(), 7_978_856],
  ["densenet169", densenet169(), 14_149_480],
  ["densenet201", densenet201(), 20_013_928],
  ["vitB16", vitB16(), 86_567_656],
  ["simpleCnn for 32x32x3", simpleCnn({ inChannels: 3, imageSize: 32 }), 25_578],
  ["simpleCnn for 28x28x1", simpleCnn(), 20_490],
  ["unet of width 8", unet({ width: 8, numClasses: 3 }), 29_643],
] as const)("%s has its published number of parameters", (_, model, wanted) => {
  expect(count(model)).toBe(wanted);
});

test("simpleCnn traces to eight nodes, its parameters behind its input", () => {
  const { graph, inputs, outputs } = trace(simpleCnn({ inChannels: 3, imageSize: 32 }));
  expect(graph.nodes.map((node) => `${node.name} = ${node.opType}`)).toEqual([
    "conv1 = Conv",
    "relu = Relu",
    "maxPool2d = MaxPool",
    "conv2 = Conv",
    "relu_1 = Relu",
    "maxPool2d_1 = MaxPool",
    "flatten = Flatten",
    "fc = Gemm",
  ]);
  expect(graph.inputs.map((v) => `${v.name} ${v.type.shape.join("x")}`)).toEqual([
    "input Nx3x32x32",
    "conv1.weight 16x3x3x3",
    "conv1.bias 16",
    "conv2.weight 32x16x3x3",
    "conv2.bias 32",
    "fc.weight 10x2048",
    "fc.bias 10",
  ]);
  expect(inputs.map((v) => v.name)).toEqual(["input"]);
  expect(outputs.map(({ name, value }) => `${name} ${value.name} ${value.type.shape.join("x")}`)).toEqual(["logits logits Nx10"]);
  expect(graph.outputs).toEqual(outputs.map((o) => o.value));
});

test("every node of a model carries the line that wrote it", () => {
  const files = trace(resnet18()).graph.nodes.map((node) => node.location.position?.file.split("/").slice(-2).join("/"));
  expect(new Set(files)).toEqual(new Set(["models/resnet.ts"]));
});
