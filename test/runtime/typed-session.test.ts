/** Sessions typed by a model. What this file says in types is checked by tsc; what it says in values runs. Mistakes are in test/mistakes. */
import { resolve } from "node:path";
import {
  cast,
  compile,
  createSession,
  defineModel,
  type HostTensor,
  isCompileError,
  mean,
  mul,
  type Session,
  type TensorData,
  type TypedHostTensor,
} from "striate";
import { Project, ScriptTarget, ts } from "ts-morph";
import { expect, test } from "vitest";
import { simpleCnn } from "../../models/simple-cnn.ts";

const root = resolve(import.meta.dirname, "../..");
const net = defineModel({
  name: "Net",
  inputs: { image: ["N", 2, "W", "W"], scale: { shape: ["N", 2, 1, 1], dtype: "int32" } },
  forward: ({ image, scale }) => ({ y: mul(image, cast(scale, "float32")), channels: mean(image, [2, 3]) }),
});
const { bytes } = compile(net);
const data = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const scale: TypedHostTensor<[1, 2, 1, 1], "int32"> = { dtype: "int32", shape: [1, 2, 1, 1], data: Int32Array.of(1, -1) };

test("a result's shape has the sizes that the feeds say", async () => {
  const session = await createSession<typeof net>(bytes);
  const { y, channels } = await session.run({ image: { dtype: "float32", shape: [1, 2, 2, 2], data }, scale });
  const scaled: HostTensor<[1, 2, 2, 2]> = y;
  const means: HostTensor<[1, 2]> = channels;
  expect(scaled).toEqual({ dtype: "float32", shape: [1, 2, 2, 2], data: Float32Array.of(1, 2, 3, 4, -5, -6, -7, -8) });
  expect(means).toEqual({ dtype: "float32", shape: [1, 2], data: Float32Array.of(2.5, 6.5) });
  await session.dispose();
});

test("what a feed's type does not say is left to the run: its dtype, its rank, a size", async () => {
  const session = await createSession<typeof net>(bytes);
  const image: TensorData = { dtype: "float32", shape: [1, 2, 2, 2], data };
  const batch: number = 1;
  const whole = { dtype: "float32", shape: [batch, 2, 2, batch + 1], data } as const;
  const { y } = await session.run({ image: whole, scale }, ["y"]);
  const scaled: HostTensor<[1 | number, 2, 2 | number, 2 | number]> = y;
  expect(scaled.shape).toEqual([1, 2, 2, 2]);
  expect(Object.keys(await session.run({ image, scale }, ["channels"]))).toEqual(["channels"]);
  // Handles say neither dtype nor rank in their type.
  expect((await session.run({ image: session.upload(image), scale: session.upload(scale) })).y.shape).toEqual([1, 2, 2, 2]);
  const wrong: TensorData = { dtype: "float32", shape: [1, 1, 2, 4], data };
  const refused = await session.run({ image: wrong, scale }).catch((error: unknown) => error);
  expect(isCompileError(refused) ? refused.diagnostics[0]?.message : refused).toBe(
    'input "image": is float32[1, 1, 2, 4], wanted float32[N, 2, W, W]: axis 1 is 1, not 2',
  );
  await session.dispose();
});

test("a model that returns one tensor has an output called output, and a function that makes a model types a session too", async () => {
  const one = defineModel({ name: "One", inputs: { x: ["N", 4] }, forward: ({ x }) => mean(x, 1, true) });
  const session = await createSession<typeof one>(compile(one).bytes);
  const { output } = await session.run({ x: { dtype: "float32", shape: [2, 4], data } });
  const means: HostTensor<[2, 1]> = output;
  expect(means.data).toEqual(Float32Array.of(2.5, 6.5));
  const digits = await createSession<typeof simpleCnn>(compile(simpleCnn()).bytes);
  const { logits } = await digits.run({ input: { dtype: "float32", shape: [3, 1, 28, 28], data: new Float32Array(3 * 784) } });
  const [images, classes]: [3, number] = logits.shape;
  expect([images, classes]).toEqual([3, 10]);
  // Where any session will do, a typed one does.
  const sessions: readonly Session[] = [session, digits];
  for (const s of sessions) await s.dispose();
});

test("an editor shows a result in one short line", () => {
  const project = new Project({
    compilerOptions: {
      strict: true,
      target: ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      allowImportingTsExtensions: true,
      noEmit: true,
    },
  });
  const text = `import { createSession } from "../../src/runtime/session.ts";
import { defineModel, flatten, linear } from "../../src/dsl/index.ts";
const digits = defineModel({
  name: "Digits",
  inputs: { input: ["N", 1, 28, 28] },
  forward: ({ input }) => ({ logits: linear(flatten(input), { outFeatures: 10 }) }),
});
declare const data: Float32Array;
export const run = async () => {
  const session = await createSession<typeof digits>("mnist.onnx");
  const results = await session.run({ input: { dtype: "float32", shape: [8, 1, 28, 28], data } });
  const { logits } = results;
  return logits;
};`;
  const file = project.createSourceFile(resolve(root, "test/runtime/hover.ts"), text);
  const hover = (word: string): string => {
    const info = project
      .getLanguageService()
      .compilerObject.getQuickInfoAtPosition(file.getFilePath(), text.indexOf(word) + word.length - 1);
    return ts.displayPartsToString(info?.displayParts);
  };
  expect(hover("const results")).toBe("const results: {\n    readonly logits: HostTensor<[8, 10]>;\n}");
  expect(hover("const { logits")).toBe("const logits: HostTensor<[8, 10]>");
  expect(hover("const session")).toBe(
    'const session: TypedSession<Model<{\n    readonly input: readonly ["N", 1, 28, 28];\n}, {\n    logits: Tensor<["N", 10]>;\n}>>',
  );
});
