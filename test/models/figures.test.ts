/** Cost and receptive fields of whole models against the figures that others published. */
import { type AnyModel, cost, receptiveField, sourceOf } from "striate";
import { expect, test } from "vitest";
import { alexnet } from "../../models/alexnet.ts";
import { densenet121, densenet161, densenet169, densenet201 } from "../../models/densenet.ts";
import { googlenet } from "../../models/googlenet.ts";
import { inceptionV3, inceptionV3Aux } from "../../models/inception-v3.ts";
import { mobilenetV2 } from "../../models/mobilenet-v2.ts";
import { resnet18, resnet34, resnet50, resnet101, resnet152 } from "../../models/resnet.ts";
import { vgg11, vgg11Bn, vgg13, vgg13Bn, vgg16, vgg16Bn, vgg19, vgg19Bn } from "../../models/vgg.ts";
import { vitB16, vitB32, vitL16, vitL32 } from "../../models/vit.ts";

function costOf(model: AnyModel) {
  const { graph, parameters } = sourceOf(model);
  const learnt = new Set(parameters.filter((p) => p.role === "parameter").map((p) => p.value));
  return cost(graph, { isParameter: (value) => learnt.has(value) });
}

// Parameters and multiply-adds as counted by fvcore and torchvision (`num_params` and `_ops` of its weights), in full.
test.each<[name: string, model: AnyModel, parameters: number, macs: number]>([
  ["AlexNet", alexnet(), 61_100_840, 714_188_480],
  ["VGG-16", vgg16(), 138_357_544, 15_470_264_320],
  ["ResNet-18", resnet18(), 11_689_512, 1_814_073_344],
  ["ResNet-50", resnet50(), 25_557_032, 4_089_184_256],
  ["ResNet-101", resnet101(), 44_549_160, 7_801_405_440],
  ["Inception-v3 without its auxiliary head", inceptionV3(), 23_834_568, 5_713_216_096],
  ["MobileNetV2", mobilenetV2(), 3_504_872, 300_774_272],
  ["ViT-B/16", vitB16(), 86_567_656, 17_563_828_224],
])("%s has its published parameters and multiply-adds, a formula in the batch", (_, model, parameters, macs) => {
  const { parameters: counted, macs: formula } = costOf(model);
  expect([counted, formula]).toEqual([parameters, `${macs}*N`]);
});

// torchvision/models/*.py, `num_params` and `_ops`, which is in units of 1e9 and rounded to three places.
test.each<[name: string, model: AnyModel, parameters: number, gigaMacs: number]>([
  ["alexnet", alexnet(), 61_100_840, 0.714],
  ["densenet121", densenet121(), 7_978_856, 2.834],
  ["densenet161", densenet161(), 28_681_000, 7.728],
  ["densenet169", densenet169(), 14_149_480, 3.36],
  ["densenet201", densenet201(), 20_013_928, 4.291],
  ["googlenet", googlenet(), 6_624_904, 1.498],
  ["mobilenet_v2", mobilenetV2(), 3_504_872, 0.301],
  ["resnet18", resnet18(), 11_689_512, 1.814],
  ["resnet34", resnet34(), 21_797_672, 3.664],
  ["resnet50", resnet50(), 25_557_032, 4.089],
  ["resnet101", resnet101(), 44_549_160, 7.801],
  ["resnet152", resnet152(), 60_192_808, 11.514],
  ["vgg11", vgg11(), 132_863_336, 7.609],
  ["vgg11_bn", vgg11Bn(), 132_868_840, 7.609],
  ["vgg13", vgg13(), 133_047_848, 11.308],
  ["vgg13_bn", vgg13Bn(), 133_053_736, 11.308],
  ["vgg16", vgg16(), 138_357_544, 15.47],
  ["vgg16_bn", vgg16Bn(), 138_365_992, 15.47],
  ["vgg19", vgg19(), 143_667_240, 19.632],
  ["vgg19_bn", vgg19Bn(), 143_678_248, 19.632],
  ["vit_b_16", vitB16(), 86_567_656, 17.564],
  ["vit_b_32", vitB32(), 88_224_232, 4.409],
  ["vit_l_16", vitL16(), 304_326_632, 61.555],
  ["vit_l_32", vitL32(), 306_535_400, 15.378],
])("%s has the parameters and GFLOPs in torchvision's metadata", (_, model, parameters, gigaMacs) => {
  const { parameters: counted, macs } = costOf(model);
  const [, perImage = ""] = /^(\d+)\*N$/.exec(String(macs)) ?? [];
  expect([counted, Math.round(Number(perImage) / 1e6) / 1e3]).toEqual([parameters, gigaMacs]);
});

test("Inception-v3's auxiliary head adds its own parameters and multiply-adds", () => {
  const { parameters, macs } = costOf(inceptionV3Aux());
  // The head: 1x1 from 768 to 128 channels and 5x5 back to 768 on a map of 5x5, then 1000 classes.
  const head = 25 * 768 * 128 + 25 * 128 * 768 + 768 * 1000;
  expect([parameters, macs]).toEqual([27_161_264, `${5_713_216_096 + head}*N`]);
});

test("the formulas of a fully convolutional model hold for every size of image", () => {
  const { graph } = sourceOf(resnet18({ numClasses: 10 }), { input: ["N", 3, "32*H", "32*W"] });
  // 1,814,073,344 at 224x224, of which 512,000 are the classifier's, in units of 32x32 pixels; and 5,120 for ten classes.
  expect(cost(graph).macs).toBe(`${(1_814_073_344 - 512_000) / 49}*H*N*W+5120*N`);
});

// Size, stride and padding as published in Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
// for the ResNets with torchvision's stride in the 3x3 convolution.
test.each<[name: string, model: AnyModel, size: number, stride: number, padding: number]>([
  ["AlexNet", alexnet(), 195, 32, 66],
  ["VGG-16", vgg16(), 212, 32, 90],
  ["ResNet-18", resnet18(), 435, 32, 217],
  ["ResNet-50", resnet50(), 427, 32, 213],
  ["ResNet-101", resnet101(), 971, 32, 485],
  ["MobileNetV2", mobilenetV2(), 491, 32, 245],
])("%s's last feature map has its published receptive field", (_, model, size, stride, padding) => {
  const { graph, inputs } = sourceOf(model);
  const last = graph.nodes.find((node) => node.name === "adaptiveAvgPool2d")?.inputs[0];
  const [input] = inputs;
  if (!last || input === undefined) throw new Error("no feature map");
  const along = { kind: "window", size, stride, start: 0 - padding, padding };
  expect(receptiveField(graph, last, input)).toEqual([along, along]);
});
