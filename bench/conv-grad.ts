/**
 * Times the forms of Conv's gradients against the forward pass: `npx tsx bench/conv-grad.ts [part of a name]`.
 *
 * Each line is one convolution; each figure is a form's median CPU time on one thread as a multiple of the forward convolution's,
 * measured in turns. "*" marks the form that lowering chooses. ConvTranspose is the other form of the input gradient.
 */
import * as ort from "onnxruntime-node";
import { writeModel } from "../src/codegen/index.ts";
import { GraphBuilder } from "../src/ir/builder.ts";
import type { Value } from "../src/ir/graph.ts";
import { formFor, type WeightGradProblem, weightGradForms } from "../src/ir/ops/conv-weight-grad.ts";
import { axesOf } from "../src/ir/ops/window.ts";
import { lower } from "../src/passes/index.ts";

interface Convolution {
  readonly name: string;
  readonly n: number;
  readonly c: number;
  readonly size: number;
  readonly m: number;
  readonly k: number;
  readonly s: number;
  readonly p: number;
  readonly group: number;
}
const conv = (name: string, n: number, c: number, size: number, m: number, k: number, s: number, group = 1): Convolution => ({
  name,
  n,
  c,
  size,
  m,
  k,
  s,
  p: Math.floor((k - 1) / 2),
  group,
});
const convolutions: readonly Convolution[] = [
  conv("SimpleCNN conv1", 128, 1, 28, 16, 3, 1),
  conv("SimpleCNN conv2", 128, 16, 14, 32, 3, 1),
  conv("3x3 stem, 32 px", 64, 3, 32, 64, 3, 1),
  conv("ResNet conv1, 64 px", 32, 3, 64, 64, 7, 2),
  conv("ResNet layer1", 32, 64, 16, 64, 3, 1),
  conv("ResNet layer2.0", 32, 64, 16, 128, 3, 2),
  conv("ResNet layer2", 32, 128, 8, 128, 3, 1),
  conv("ResNet layer3", 32, 256, 4, 256, 3, 1),
  conv("ResNet layer4", 32, 512, 2, 512, 3, 1),
  conv("ResNet downsample", 32, 64, 16, 128, 1, 2),
  conv("1x1", 32, 64, 16, 128, 1, 1),
  conv("MobileNet 32, 32 px", 32, 32, 32, 32, 3, 1, 32),
  conv("MobileNet 96, stride 2", 32, 96, 16, 96, 3, 2, 96),
  conv("MobileNet 192, 8 px", 32, 192, 8, 192, 3, 1, 192),
  conv("4 groups", 32, 64, 16, 64, 3, 1, 4),
];

const repetitions = 7;

interface Timed {
  readonly label: string;
  readonly session: ort.InferenceSession;
  readonly feeds: Readonly<Record<string, ort.Tensor>>;
  readonly times: number[];
}
function tensor(dims: readonly number[]): ort.Tensor {
  const data = Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i * 12.9898));
  return new ort.Tensor("float32", data, dims);
}

async function timed(
  label: string,
  inputs: Readonly<Record<string, ort.Tensor>>,
  build: (b: GraphBuilder, x: Readonly<Record<string, Value>>) => Value,
): Promise<Timed> {
  const b = new GraphBuilder("bench");
  const values = Object.entries(inputs).map(
    ([name, t]) => [name, b.input(name, { dtype: "float32", shape: name === "w" ? t.dims : ["N", ...t.dims.slice(1)] })] as const,
  );
  b.output(build(b, Object.fromEntries(values)), "result");
  const bytes = writeModel(lower(b.build(), { opset: 18, provider: "portable" }), { opset: 18 });
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  return { label, session, feeds: inputs, times: [] };
}
function operandOf(values: Readonly<Record<string, Value>>, name: string): Value {
  const value = values[name];
  if (value === undefined) throw new Error(`there is no input ${name}`);
  return value;
}

async function candidates({ n, c, size, m, k, s, p, group }: Convolution): Promise<readonly Timed[]> {
  const out = Math.floor((size + 2 * p - k) / s) + 1;
  const window = { kernel_shape: [k, k], strides: [s, s], dilations: [1, 1], pads: [p, p, p, p] };
  const [x, dy, w] = [tensor([n, c, size, size]), tensor([n, m, out, out]), tensor([m, c / group, k, k])];
  const problemOf = (v: Readonly<Record<string, Value>>): WeightGradProblem => ({
    x: operandOf(v, "x"),
    dy: operandOf(v, "dy"),
    axes: axesOf(window),
    group,
  });
  const fits = (form: string): boolean =>
    form === "depthwise" ? group === c && m === c : group === 1 ? form !== "groupedTaps" : form !== "taps" && form !== "conv";
  const weightForms = Object.entries(weightGradForms).filter(([form]) => fits(form));
  // The largest element stands for the result, so that no time goes into handing it out.
  const largest = (b: GraphBuilder, v: Value): Value => b.add("ReduceMax", [v]);
  const list = [
    timed("forward", { x, w }, (b, v) => largest(b, b.add("Conv", [operandOf(v, "x"), operandOf(v, "w")], { ...window, group }))),
  ];
  for (const [form, build] of weightForms) {
    list.push(
      timed(`dW ${form}`, { x, dy }, (b, v) => {
        const problem = problemOf(v);
        return largest(b, build(b, problem));
      }),
    );
  }
  const shape = [n, c, size, size];
  list.push(
    timed("dX chosen", { dy, w }, (b, v) =>
      largest(b, b.add("ConvInputGrad", [operandOf(v, "dy"), operandOf(v, "w"), b.constant("int64", shape)], { ...window, group })),
    ),
  );
  const rest = size + 2 * p - k - (out - 1) * s;
  list.push(
    timed("dX ConvTranspose", { dy, w }, (b, v) =>
      largest(b, b.add("ConvTranspose", [operandOf(v, "dy"), operandOf(v, "w")], { ...window, group, output_padding: [rest, rest] })),
    ),
  );
  return Promise.all(list);
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measure(c: Convolution): Promise<void> {
  const forms = await candidates(c);
  for (let i = 0; i <= repetitions; i++) {
    for (const { session, feeds, times } of forms) {
      const before = process.cpuUsage();
      await session.run(feeds);
      const { user, system } = process.cpuUsage(before);
      if (i > 0) times.push((user + system) / 1000);
    }
  }
  const forward = median(forms[0]?.times ?? []);
  const b = new GraphBuilder("choice");
  const [x, dy] = [c.c, c.m].map((channels, i) => b.input(`v${i}`, { dtype: "float32", shape: ["N", channels, c.size, c.size] }));
  const choice =
    x === undefined || dy === undefined
      ? ""
      : formFor({ x, dy, axes: axesOf({ kernel_shape: [c.k, c.k], strides: [c.s, c.s], dilations: [1, 1], pads: [] }), group: c.group });
  const row = forms
    .slice(1)
    .map(({ label, times }) => `${label}${label === `dW ${choice}` ? "*" : ""} ${(median(times) / forward).toFixed(2)}`);
  console.log(`${c.name.padEnd(24)} forward ${forward.toFixed(1).padStart(5)} ms  ${row.join("  ")}`);
  for (const { session } of forms) await session.release();
}

const wanted = process.argv[2] ?? "";
for (const c of convolutions.filter(({ name }) => name.includes(wanted))) await measure(c);
