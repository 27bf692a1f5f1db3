/** `striate receptive-field` of one unit, and its effective field. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-field-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(
  at("net.ts"),
  `import { adaptiveAvgPool2d, conv2d, defineModel, flatten, init, linear, maxPool2d } from "striate";

const ones = { weight: init.constant(0.1), bias: init.zeros() };
export default defineModel({
  name: "Net",
  inputs: { image: ["N", 1, 16, 20] },
  forward: ({ image }) => {
    const x = conv2d(image, { outChannels: 2, kernelSize: 3, padding: 1, init: ones, name: "conv1" });
    const y = conv2d(x, { outChannels: 2, kernelSize: 3, stride: 2, padding: 1, init: ones, name: "conv2" });
    return { logits: linear(flatten(adaptiveAvgPool2d(y, 1)), { outFeatures: 3, name: "fc" }) };
  },
});
`,
);
const run = (...args: readonly string[]) => striate(folder, ...args);
beforeAll(() => run("compile", "net.ts", "-o", "net.onnx"));

describe.concurrent("receptive-field", () => {
  test("--unit tells the box in theory and in the image, of the last feature map unless a value is named", async () => {
    const [last, named] = await Promise.all([
      run("receptive-field", "net.ts", "--unit", "0,9"),
      run("receptive-field", "net.onnx", "--value", "conv1", "--unit", "15, 4", "--json"),
    ]);
    expect(last).toEqual({
      code: 0,
      stderr: "",
      stdout: `value  type                  unit  input  size   positions       of the image
conv2  float32[N, 2, 8, 10]  0,9   image  5 x 5  -2..2 x 16..20  0..2 x 16..19
`,
    });
    const range = (first: number, last: number) => ({ kind: "range", first, last });
    expect(JSON.parse(named.stdout)).toEqual([
      {
        value: "conv1",
        type: { dtype: "float32", shape: ["N", 2, 16, 20] },
        input: "image",
        unit: [15, 4],
        unclipped: [range(14, 16), range(3, 5)],
        clipped: [range(14, 15), range(3, 5)],
      },
    ]);
  });

  test("a unit that is not there, and options that do not go together, are told", async () => {
    const results = await Promise.all([
      run("receptive-field", "net.onnx", "--unit", "8,0"),
      run("receptive-field", "net.onnx", "--picture", "x.png"),
      run("receptive-field", "net.onnx", "--effective", "--samples", "2", "--image", "x.png"),
    ]);
    expect(results.map(({ code, stderr }) => [code, stderr])).toEqual([
      [
        1,
        `net.ts:9:15 error[unit-position]: "conv2" is float32[N, 2, 8, 10], which has no unit 8,0

  9 │     const y = conv2d(x, { outChannels: 2, kernelSize: 3, stride: 2, padding: 1, init: ones, name: "conv2" });
    │               ~~~~~~
  help: units are 0,0 to 7,9, along axes 2 and 3
`,
      ],
      [2, "error: --picture belongs to --effective\n  help: add --effective, or leave it out\n"],
      [2, "error: --samples counts inputs of noise, and --image takes their place\n  help: give one of them\n"],
    ]);
    expect(existsSync(at("x.png"))).toBe(false);
  });

  test("--effective measures a unit of a file, and draws it over an image", async () => {
    await sharp({ create: { width: 30, height: 30, channels: 3, background: "#336699" } })
      .png()
      .toFile(at("blue.png"));
    const drawn = await run("receptive-field", "net.onnx", "--effective", "--unit", "4,4", "--image", "blue.png", "--picture", "field.png");
    expect(drawn).toEqual({
      code: 0,
      stderr: "",
      // Two equal convolutions of 3 give each axis the parts 1 2 3 2 1 of 9: the variance 4 / 3, and 49 of 81 in the middle square of 3.
      stdout: `unit 4,4 of "conv2", float32[N, 2, 8, 10], in "image": absolute gradient over blue.png
field                    size       positions
theoretical              5 x 5      6..10 x 6..10
of the image             5 x 5      6..10 x 6..10
-2 to 2 sigma            4.6 x 4.6  5.7..10.3 x 5.7..10.3
half of the gradient     3 x 3      7..9 x 7..9
over 4.55 % of the most  5.0        25 pixels
field.png: white: the theoretical field, cyan: -2 to 2 sigma, green: half of the gradient
`,
    });
    const { width, height } = await sharp(at("field.png")).metadata();
    expect([width, height]).toEqual([20 * 28, 16 * 28]);
  });

  test("a model of TypeScript is measured with drawn weights, and says so", async () => {
    const { code, stdout, stderr } = await run("receptive-field", "net.ts", "--effective", "--samples", "2", "--seed", "3", "--json");
    expect([code, stderr]).toEqual([0, "the weights are random: give --weights\n"]);
    expect(JSON.parse(stdout)).toMatchObject({ value: "conv2", input: "image", unit: [4, 5], measure: "absolute", samples: 2, seed: 3 });
  });
});
