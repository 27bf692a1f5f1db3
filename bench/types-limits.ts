/**
 * How long one generic function may get before the checker gives up (TS2589, "excessively deep"): `npx tsx bench/types-limits.ts [typescript6]`.
 * Each construct grows until it fails; the same constructs on concrete tensors have no limit.
 */
import { check } from "../test/support/check-types.ts";

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const generic = (body: readonly string[], result: string): string =>
  ["export function block<S>(x0: Tensor<S>) {", ...body, `  return ${result};`, "}", "export const y = block(x);"].join("\n");

/** A generic function of n layers, by what it is made of. */
const constructs: Readonly<Record<string, (n: number) => string>> = {
  "3x3 convolutions": (n) =>
    generic(
      range(n).map((i) => `  const x${i + 1} = conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 });`),
      `x${n}`,
    ),
  "convolution, batch norm, relu, each group a scope": (n) =>
    generic(
      range(n).map(
        (i) => `  const x${i + 1} = scope("s", () => relu(batchNorm2d(conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 }))));`,
      ),
      `x${n}`,
    ),
  "residual blocks": (n) =>
    generic(
      range(n).map((i) => `  const x${i + 1} = relu(add(conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 }), x${i}));`),
      `x${n}`,
    ),
  "dense layers": (n) =>
    generic(
      range(n).map((i) => `  const x${i + 1} = concat([x${i}, conv2d(x${i}, { outChannels: 32, kernelSize: 3, padding: 1 })], 1);`),
      `x${n}`,
    ),
  "inception modules": (n) =>
    [
      "function inception<S>(x: Tensor<S>) {",
      "  const a = conv2d(x, { outChannels: 16, kernelSize: 1 });",
      "  const b = conv2d(conv2d(x, { outChannels: 16, kernelSize: 1 }), { outChannels: 16, kernelSize: 3, padding: 1 });",
      "  return concat([a, b, conv2d(maxPool2d(x, { kernelSize: 3, stride: 1, padding: 1 }), { outChannels: 32, kernelSize: 1 })], 1);",
      "}",
      generic(
        range(n).map((i) => `  const x${i + 1} = inception(x${i});`),
        `x${n}`,
      ),
    ].join("\n"),
  "layers of a sequential": (n) =>
    `export const y = sequential(${range(n)
      .map(() => "layers.conv2d({ outChannels: 64, kernelSize: 3, padding: 1 })")
      .join(", ")})(x);`,
};
const header = [
  'import { add, batchNorm2d, concat, conv2d, layers, maxPool2d, relu, scope, sequential, type Tensor } from "striate";',
  'declare const x: Tensor<["N", 64, 56, 56]>;',
].join("\n");

const compiler = process.argv[2] ?? "typescript";
const only = process.argv[3] ?? "";
for (const [name, text] of Object.entries(constructs)) {
  if (!name.includes(only)) continue;
  let [passes, fails] = [1, 200];
  const fits = async (n: number): Promise<boolean> => (await check(compiler, `${header}\n${text(n)}\n`)).errors.length === 0;
  while (fails - passes > 1) {
    const middle = Math.floor((passes + fails) / 2);
    if (await fits(middle)) passes = middle;
    else fails = middle;
  }
  const { instantiations, seconds } = await check(compiler, `${header}\n${text(passes)}\n`);
  console.log(`${compiler}: ${name}: ${passes} pass (${instantiations} instantiations, ${seconds} s)${passes === 199 ? " or more" : ""}`);
}
