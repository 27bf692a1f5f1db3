/** The CUDA path against the CPU's, where there is a GPU and onnxruntime's library for it. */
import { compile, createSession, createTrainer, crossEntropy, sgd, type TensorData } from "striate";
import { describe, expect, test } from "vitest";
import { resnet18 } from "../../models/resnet.ts";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { providerHindrance } from "../../src/runtime/index.ts";

const hindrance = providerHindrance("cuda") ?? (await refusal());
/** Why CUDA does not start although its library is there. */
async function refusal(): Promise<string | null> {
  try {
    await (await createSession(compile(simpleCnn()).bytes, { providers: ["cuda"] })).dispose();
    return null;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? error.message) : String(error);
  }
}

const wave = (shape: readonly number[], seed: number): TensorData => ({
  dtype: "float32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, d) => a * d, 1) }, (_, i) => Math.sin(i * 0.37 + seed)),
});
const batch = (shape: readonly [number, ...number[]], seed: number) => ({
  inputs: { input: wave(shape, seed) },
  targets: {
    target: {
      dtype: "int64",
      shape: [shape[0]],
      data: BigInt64Array.from({ length: shape[0] }, (_, i) => BigInt((i + seed) % 10)),
    } as TensorData,
  },
  size: shape[0],
});

describe.skipIf(hindrance !== null)(`on CUDA${hindrance === null ? "" : ` (skipped: ${hindrance})`}`, () => {
  test("inference gives what the CPU gives", async () => {
    const { bytes } = compile(resnet18({ numClasses: 10, imageSize: 64 }), { seed: 1 });
    const [cuda, cpu] = [await createSession(bytes, { providers: ["cuda"] }), await createSession(bytes)];
    const input = wave([2, 3, 64, 64], 0);
    const [a, b] = [
      (await cuda.run({ input }))["logits"]?.data as Float32Array,
      (await cpu.run({ input }))["logits"]?.data as Float32Array,
    ];
    const largest = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    // cuDNN may round products to TF32, 10 bits.
    expect(a.findIndex((v, i) => !(Math.abs(v - (b[i] ?? Number.NaN)) <= 1e-2 * largest))).toBe(-1);
    await Promise.all([cuda.dispose(), cpu.dispose()]);
  });

  test("training gives the CPU's losses", async () => {
    const losses = async (providers: readonly ("cuda" | "cpu")[]): Promise<readonly number[]> => {
      const trainer = await createTrainer(simpleCnn(), {
        loss: crossEntropy(),
        optimizer: sgd({ lr: 0.01, momentum: 0.9 }),
        seed: 1,
        providers,
      });
      const found: number[] = [];
      for (let i = 0; i < 10; i++) found.push((await trainer.trainStep(batch([32, 1, 28, 28], i))).loss);
      await trainer.dispose();
      return found;
    };
    const [cuda, cpu] = [await losses(["cuda"]), await losses(["cpu"])];
    // Ten steps of TF32 products.
    expect(cpu.findIndex((loss, i) => !(Math.abs((cuda[i] ?? Number.NaN) - loss) <= 1e-2 * loss))).toBe(-1);
  });
});
