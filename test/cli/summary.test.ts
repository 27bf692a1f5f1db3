/** `striate summary` by scope, with columns, as JSON, and of imported files. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { columnsOption } from "../../src/cli/output/summary-columns.ts";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-summary-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, "net.ts"),
  `import { batchNorm2d, conv2d, defineModel, relu, scope } from "striate";

export default defineModel({
  name: "Net",
  inputs: { image: ["N", 3, 8, 8] },
  forward: ({ image }) => {
    const x = scope("stem", () => scope("first", () => relu(batchNorm2d(conv2d(image, { outChannels: 4, kernelSize: 3, name: "conv" }), { name: "bn" }))));
    return { map: conv2d(x, { outChannels: 2, kernelSize: 1, name: "head" }) };
  },
});
`,
);
const run = (...args: readonly string[]) => striate(folder, ...args);

describe.concurrent("summary", () => {
  test("--depth folds scopes into sums, and --columns chooses what is told and in which order", async () => {
    const columns = ["--columns", "name,macs,share,params,flops,bytes,weight-bytes,source"];
    const [folded, open] = await Promise.all([run("summary", "net.ts", "--depth", "1", ...columns), run("summary", "net.ts", ...columns)]);
    // 4 * 3 * 9 + 4 weights, 8 of the norm; 36 positions; 112 * 4 bytes and 16 of the norm.
    expect(folded.stdout.split("\n").slice(0, 4)).toEqual([
      "layer   MACs  share of MACs  parameters  FLOPs  output bytes  weight bytes  source",
      "image",
      "stem   3 888         93.1 %         120  8 352        1.7 kB         512 B",
      "head     288          6.9 %          10    648         288 B          40 B  net.ts:8:19",
    ]);
    expect(open.stdout.split("\n").slice(0, 8)).toEqual([
      "layer      MACs  share of MACs  parameters  FLOPs  output bytes  weight bytes  source",
      "image",
      "stem      3 888         93.1 %         120  8 352        1.7 kB         512 B",
      "  first   3 888         93.1 %         120  8 352        1.7 kB         512 B",
      "    conv  3 888         93.1 %         112  7 920         576 B         448 B  net.ts:7:73",
      "    bn                                   8    288         576 B          64 B  net.ts:7:61",
      "    relu                                      144         576 B                net.ts:7:56",
      "head        288          6.9 %          10    648         288 B          40 B  net.ts:8:19",
    ]);
  });

  test("a wrong column, a column twice and a wrong depth are wrong usage", async () => {
    const all = "the columns are name, op, input, output, params, macs, flops, other, bytes, weight-bytes, receptive-field, share, source";
    const [column, depth] = await Promise.all([
      run("summary", "net.ts", "--columns", "name,parameters"),
      run("summary", "net.ts", "--depth", "0"),
    ]);
    expect([column, depth]).toEqual([
      { code: 2, stdout: "", stderr: `error: --columns: there is no column "parameters"\n  help: ${all}\n` },
      { code: 2, stdout: "", stderr: 'error: --depth takes a whole number from 1 on, not "0"\n' },
    ]);
    expect(() => columnsOption("macs, op,macs")).toThrowError('--columns names "macs" twice');
    expect(() => columnsOption("")).toThrowError('--columns: there is no column ""');
    expect(columnsOption("share, name")).toEqual(["share", "name"]);
  });

  test("--json is complete, and an imported file has the figures of its source", async () => {
    await run("compile", "net.ts", "-o", "net.onnx", "--optimize", "none");
    const [source, imported] = (await Promise.all([run("summary", "net.ts", "--json"), run("summary", "net.onnx", "--json")])).map(
      ({ stdout }) => JSON.parse(stdout),
    );
    expect(source.scopes.map(({ name, depth, layers, macs }: Record<string, unknown>) => ({ name, depth, layers, macs }))).toEqual([
      { name: "stem", depth: 1, layers: ["stem.first.conv", "stem.first.bn", "stem.first.relu"], macs: 3888 },
      { name: "stem.first", depth: 2, layers: ["stem.first.conv", "stem.first.bn", "stem.first.relu"], macs: 3888 },
    ]);
    expect(source.total).toEqual({
      parameters: 130,
      weightBytes: 552,
      parameterBytes: 520,
      macs: 4176,
      flops: 9000,
      other: 648,
      otherByKind: { bias: 216, normalization: 288, activation: 144 },
      outputBytes: 2016,
      activationBytes: 1344,
      perImage: true,
      formulas: { macs: "4176*N", flops: "9000*N", other: "648*N" },
    });
    expect(source.layers[1]).toEqual({
      name: "stem.first.bn",
      op: "BatchNormalization",
      ops: ["BatchNormalization"],
      inputs: [{ dtype: "float32", shape: ["N", 4, 6, 6] }],
      output: { dtype: "float32", shape: ["N", 4, 6, 6] },
      parameters: 8,
      weightBytes: 64,
      macs: 0,
      flops: 288,
      other: 288,
      otherByKind: { normalization: 288 },
      outputBytes: 576,
      receptiveField: [
        { kind: "window", size: 3, stride: 1, start: 0, padding: 0 },
        { kind: "window", size: 3, stride: 1, start: 0, padding: 0 },
      ],
      source: { file: join(folder, "net.ts"), line: 7, column: 61 },
    });
    const { layers, scopes, total } = imported;
    expect([scopes.length, total, layers.length]).toEqual([2, source.total, 4]);
    expect(Object.keys(imported)).toEqual(["name", "convention", "inputs", "outputs", "layers", "scopes", "total"]);
  });
});
