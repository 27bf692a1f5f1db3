/** Outputs of whole models against torchvision's in ../shared/goldens, on weights and inputs from the goldens' formula. */
import { type AnyModel, compile } from "striate";
import { describe, expect, test } from "vitest";
import { alexnet } from "../../models/alexnet.ts";
import { inceptionV3Aux } from "../../models/inception-v3.ts";
import { mobilenetV2 } from "../../models/mobilenet-v2.ts";
import { resnet18, resnet50 } from "../../models/resnet.ts";
import { vgg16Bn } from "../../models/vgg.ts";
import { vit } from "../../models/vit.ts";
import {
  type Digest,
  expectDigest,
  golden,
  goldenInput,
  goldenLabels,
  goldenState,
  goldensMissing,
  type StateRow,
} from "../support/goldens.ts";
import { runModel } from "../support/run-graph.ts";

interface Recording {
  readonly input: { readonly seed: string; readonly shape: readonly number[] };
  readonly state: readonly StateRow[];
  readonly outputs: { readonly out: Digest };
}

describe.skipIf(goldensMissing !== null)(`outputs of torchvision${goldensMissing === null ? "" : ` (skipped: ${goldensMissing})`}`, () => {
  // The goldens' README: 1e-3 for whole models in float32.
  test.each<[file: string, model: AnyModel]>([
    ["alexnet", alexnet()],
    ["inception_v3", inceptionV3Aux()],
    ["mobilenet_v2", mobilenetV2()],
    ["resnet18", resnet18()],
    ["resnet50", resnet50()],
    ["vgg16_bn", vgg16Bn()],
  ])("%s, optimised, gives torchvision's output", async (file, model) => {
    const { input, state, outputs } = golden(`models/${file}`) as Recording;
    const { bytes } = compile(model, { weights: goldenState(state) });
    const { logits } = await runModel(bytes, { input: goldenInput(input.seed, input.shape) });
    expect(logits).toBeDefined();
    if (logits !== undefined) expectDigest(file, logits, outputs.out, { norm: 1e-3, element: 1e-3 });
  });

  test("a small vision transformer has the loss that PyTorch's training run begins with", async () => {
    const { state, losses } = golden("training/vit_tiny_adamw") as Recording & { readonly losses: readonly number[] };
    const model = vit({ imageSize: 32, patchSize: 8, hiddenDim: 48, mlpDim: 96, numLayers: 2, numHeads: 3, numClasses: 10 });
    const { bytes } = compile(model, { weights: goldenState(state) });
    const { logits } = await runModel(bytes, { input: goldenInput("input:vit_tiny_adamw:0", [4, 3, 32, 32]) });
    const rows = Array.from({ length: 4 }, (_, i) => Array.from({ length: 10 }, (_, k) => Number(logits?.data[10 * i + k])));
    const labels = goldenLabels("label:vit_tiny_adamw:0", [4], 10).data;
    const total = rows.reduce(
      (sum, row, i) => sum + Math.log(row.reduce((z, v) => z + Math.exp(v), 0)) - (row[Number(labels[i])] ?? Number.NaN),
      0,
    );
    // float32 through two blocks of attention.
    expect(Math.abs(total / 4 - (losses[0] ?? Number.NaN))).toBeLessThan(1e-5);
  });
});
