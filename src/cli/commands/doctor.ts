/** `striate doctor`. */
import { Command } from "commander";
import { compileTraining } from "../../compile/index.ts";
import { adam, conv2d, crossEntropy, defineModel, flatten, linear, maxPool2d, relu } from "../../dsl/index.ts";
import { tensorFrom } from "../../ir/tensor-data.ts";
import { type Attempt, type DoctorReport, runDoctor, type TinyTraining } from "../../runtime/index.ts";
import { version } from "../../version.ts";
import { SaidAlready } from "../input/usage.ts";
import { harmless, outColors, writeJson, writeOut } from "../output/terminal.ts";

const examples = `
Every provider is tried with a small inference and a few training steps, not only looked for. The exit code is 1 when models do not run.

Examples:
  striate doctor
  striate doctor --json`;

/** Checks that this machine can run and train models, and says what to install where it cannot. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .option("--json", "the same as JSON")
    .addHelpText("after", examples)
    .action(async (flags: { readonly json?: boolean }) => {
      const report = await runDoctor({ training: tinyTraining });
      if (flags.json === true) writeJson({ striate: version, ...report });
      else writeOut(text(report));
      if (!report.works) throw new SaidAlready();
    });
}

/** A convolution, a pool and a classifier on two images. */
function tinyTraining(): TinyTraining {
  const model = defineModel({
    name: "doctor",
    inputs: { input: ["N", 1, 6, 6] },
    forward: ({ input }) => {
      const x = maxPool2d(relu(conv2d(input, { outChannels: 4, kernelSize: 3, padding: 1, name: "conv" })), { kernelSize: 2 });
      return linear(flatten(x), { outFeatures: 2, name: "fc" });
    },
  });
  const optimizer = adam({ lr: 0.05 });
  const { bytes, manifest, state } = compileTraining(model, { loss: crossEntropy(), optimizer, seed: 1 });
  const pixels = Array.from({ length: 72 }, (_, i) => (i < 36 ? i % 6 : Math.floor(i / 6) % 6) / 5);
  const batch = {
    inputs: { input: tensorFrom("float32", [2, 1, 6, 6], pixels) },
    targets: { target: tensorFrom("int64", [2], [0, 1]) },
    size: 2,
  };
  return { artifacts: { model: bytes, manifest, state, learningRate: optimizer.defaults.lr }, batch };
}

function text({ node, onnxruntime, providers, cuda, works }: DoctorReport): string {
  const c = outColors();
  const mark = (good: boolean): string => (good ? c.green("ok  ") : c.red("no  "));
  const line = (good: boolean, subject: string, detail: string): string => `${mark(good)}${subject.padEnd(20)}${harmless(detail)}\n`;
  const attempt = (name: string, { works: good, detail, milliseconds }: Attempt): string =>
    line(good, name, good ? `${detail}, ${milliseconds} ms` : detail);
  const gpus = cuda.gpus?.map((gpu) => `${gpu.name}, ${Math.round(gpu.memory / 1024)} GiB, driver ${gpu.driver}`) ?? [];
  return [
    line(node.supported, "Node", `${node.version} on ${node.platform}${node.supported ? "" : `; striate needs ${node.wanted}`}`),
    line(true, "striate", version),
    line(true, "onnxruntime", `${onnxruntime.version}, built with ${onnxruntime.providers.join(", ")}`),
    ...providers.flatMap(({ name, inference, training }) => [
      attempt(`${name} inference`, inference),
      ...(training === null || !inference.works ? [] : [attempt(`${name} training`, training)]),
    ]),
    ...(cuda.supported ? cudaLines(cuda, gpus, line) : []),
    works ? "" : `\n${c.red("models do not run on this machine")}\n`,
  ].join("");
}

function cudaLines(
  cuda: DoctorReport["cuda"],
  gpus: readonly string[],
  line: (good: boolean, subject: string, detail: string) => string,
): readonly string[] {
  const steps = cuda.install.map((step, i) => `  ${i + 1}. ${harmless(step)}\n`);
  return [
    line(gpus.length > 0, "GPU", gpus.length > 0 ? gpus.join("; ") : "none found (nvidia-smi)"),
    ...cuda.providerFiles.map(({ path, present }) =>
      line(present, "CUDA provider", `${path.split("/").at(-1) ?? path}${present ? "" : " is missing"}`),
    ),
    ...cuda.libraries.map(({ name, loadable, path }) =>
      line(
        loadable,
        name,
        loadable ? (path ?? "found") : path === null ? "not found" : `${path} is there, but the loader does not find it`,
      ),
    ),
    ...(steps.length === 0 ? [] : ["\nTo run on CUDA:\n", ...steps]),
  ];
}
