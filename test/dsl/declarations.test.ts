/** A user's package with `declaration: true` can export generic blocks: what their types say has a name that the package exports. */
import { expect, test } from "vitest";
import { check, emitDeclarations } from "../support/check-types.ts";
import { compilers } from "../support/type-costs.ts";

const blocks = `import * as s from "striate";
export function residual<S, C extends number>(x: s.Tensor<S>, channels: C) {
  return s.relu(s.add(s.batchNorm2d(s.conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1 })), x));
}
export const stem = () =>
  s.sequential(s.layers.conv2d({ outChannels: 64, kernelSize: 7, stride: 2 }), s.layers.batchNorm2d(), s.layers.relu(), s.layers.maxPool2d({ kernelSize: 2 }),
    s.layers.groupNorm({ numGroups: 8 }), s.layers.instanceNorm2d(), s.layers.upsample({ scaleFactor: 2 }), s.layers.adaptiveAvgPool2d(1),
    s.layers.convTranspose2d({ outChannels: 8, kernelSize: 2 }), s.layers.pixelShuffle(2), s.layers.flatten(), s.layers.linear({ outFeatures: 3 }));
export const joined = <S>(x: s.Tensor<S>) => [s.concat([x, x], 1), s.stack([x, x]), s.matmul(x, x), s.multiHeadAttention(x, x, x, { numHeads: 2 })] as const;
export const moved = <S>(x: s.Tensor<S>) =>
  [s.flatten(x), s.permute(x, [0, 2, 3, 1]), s.transpose(x, 1, 2), s.select(x, 1, 0), s.slice(x, 1, { start: 1 }), s.unsqueeze(x, 0), s.squeeze(x, 1),
    s.reshape(x, [1, -1]), s.view(x, [1]), s.expand(x, [1, 2]), s.pad(x, [1, 1]), s.mean(x, [2, 3]), s.pixelShuffle(x, 2), s.pixelUnshuffle(x, 2)] as const;
export const cut = <S>(x: s.Tensor<S>) => ({ chunks: s.chunk(x, 2, 1), pieces: s.split(x, [1, 2], 1) });
export const sized = <S>(x: s.Tensor<S>) =>
  [s.linear(x, { outFeatures: 3 }), s.interpolate(x, { size: 3 }), s.upsample(x, { scaleFactor: 2 }), s.adaptiveAvgPool1d(x, 1), s.adaptiveAvgPool2d(x, 1),
    s.avgPool1d(x, { kernelSize: 2 }), s.maxPool3d(x, { kernelSize: 2 }), s.conv1d(x, { outChannels: 3, kernelSize: 1 }), s.conv3d(x, { outChannels: 3, kernelSize: 1 }),
    s.convTranspose1d(x, { outChannels: 3, kernelSize: 1 }), s.embedding(s.cast(x, "int64"), { numEmbeddings: 3, embeddingDim: 4 })] as const;
export const scoped = <S>(x: s.Tensor<S>) => s.scope("a", () => s.conv2d(x, { outChannels: 3, kernelSize: 1 }));
export default s.defineModel({ name: "m", inputs: { x: ["N", 3, 8, 8] }, forward: ({ x }) => ({ y: residual(x, 3) }) });
`;

test.each(compilers)("%s writes the declarations of exported blocks", async (compiler) => {
  const { errors, declarations } = await emitDeclarations(compiler, blocks);
  expect(errors).toEqual([]);
  expect(declarations).toContain(
    'residual<S, C extends number>(x: s.Tensor<S>, channels: C): s.Tensor<s.rules.After<S, [s.rules.Conv2d<C, number, 3, 1, 1, 1>, s.rules.Broadcast<"add", S>]>>;',
  );
});

test("a block known by its declaration alone is as exact as by its source", async () => {
  const { declarations } = await emitDeclarations("typescript", blocks);
  const used = declarations.replace(/^export default .*$/m, "").replace(/^declare const _default[\s\S]*$/m, "");
  const calls = (channels: number): string => `
declare const image: s.Tensor<["N", 64, 8, 8]>;
s.expectShape(residual(image, 64), ["N", ${channels}, 8, 8]);
const [first, second] = cut(image).chunks;
s.expectShape(s.add(first, second), ["N", ${channels / 2}, 8, 8]);
s.expectShape(moved(image)[1], ["N", 8, 8, ${channels}]);
`;
  expect((await check("typescript", `${used}${calls(64)}`)).errors).toEqual([]);
  expect((await check("typescript", `${used}${calls(62)}`)).errors.length).toBe(3);
});
