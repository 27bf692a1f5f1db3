import { expect, test } from "vitest";
import { parseTrainingManifest, printTrainingManifest, type TrainingManifest } from "../../src/codegen/training-manifest.ts";

const text =
  '{"version":1,"batch":["input"],"targets":["target"],"scalars":{"learning_rate":"float32","step":"int64","seed":"int64"},"loss":"loss","metrics":{"correct":"correct"},"state":[{"name":"conv1.weight","role":"parameter","input":"conv1.weight","output":"conv1.weight.next","dtype":"float32","shape":[16,1,3,3]},{"name":"bn1.running_mean","role":"buffer","input":"bn1.running_mean","output":"bn1.running_mean.next","dtype":"float32","shape":[16]},{"name":"adam.exp_avg.conv1.weight","role":"optimizer","of":"conv1.weight","input":"adam.exp_avg.conv1.weight","output":"adam.exp_avg.conv1.weight.next","dtype":"float32","shape":[16,1,3,3]}]}';

test("a manifest is read and written as it stands", () => {
  const manifest = parseTrainingManifest(text);
  expect(manifest.state[2]).toEqual({
    name: "adam.exp_avg.conv1.weight",
    role: "optimizer",
    of: "conv1.weight",
    input: "adam.exp_avg.conv1.weight",
    output: "adam.exp_avg.conv1.weight.next",
    dtype: "float32",
    shape: [16, 1, 3, 3],
  });
  expect(printTrainingManifest(manifest)).toBe(text);
});

test("scalars that a graph does not use are absent, and come in one order", () => {
  const manifest: TrainingManifest = {
    version: 1,
    batch: [],
    targets: [],
    scalars: { seed: "int64", learning_rate: "float32" },
    loss: "loss",
    metrics: {},
    state: [],
  };
  expect(printTrainingManifest(manifest)).toBe(
    '{"version":1,"batch":[],"targets":[],"scalars":{"learning_rate":"float32","seed":"int64"},"loss":"loss","metrics":{},"state":[]}',
  );
  expect(parseTrainingManifest(printTrainingManifest(manifest))).toEqual(manifest);
});

const changed = (from: string, to: string): string => text.replace(from, to);
test.each([
  ["{", "is no JSON: "],
  ["[]", "is a list, wanted an object"],
  [changed('"version":1', '"version":2'), "version is not 1: the graph was written by a later striate"],
  [changed('"loss":"loss",', ""), 'has no "loss"'],
  [changed('"loss":"loss"', '"loss":"loss","more":1'), 'has a field "more" that nobody knows'],
  [changed('"step":"int64"', '"step":"float32"'), 'scalars.step is "float32", wanted "int64"'],
  [changed('"batch":["input"]', '"batch":[1]'), "batch[0] is 1, wanted a text"],
  [changed('"role":"buffer"', '"role":"weight"'), 'state[1].role is "weight", wanted "parameter" or "buffer" or "optimizer"'],
  [changed('"dtype":"float32"', '"dtype":"float"'), 'state[0].dtype is "float", wanted one of float32, '],
  [changed("[16,1,3,3]", "[16,-1]"), "state[0].shape[1] is -1, wanted a whole number from 0 on"],
  [
    changed('"of":"conv1.weight"', '"of":"conv9"'),
    'state "adam.exp_avg.conv1.weight" belongs to "conv9", which is no parameter of the graph',
  ],
  [changed('"role":"buffer"', '"role":"buffer","of":"conv1.weight"'), 'state[1].of is there although the role is "buffer"'],
  [changed('"name":"bn1.running_mean"', '"name":"conv1.weight"'), 'the state name "conv1.weight" appears twice'],
  [changed('"targets":["target"]', '"targets":["step"]'), 'the input "step" appears twice'],
  [changed('"output":"bn1.running_mean.next"', '"output":"loss"'), 'the output "loss" appears twice'],
])("a manifest that is wrong is refused: %#", (wrong, words) => {
  expect(() => parseTrainingManifest(wrong)).toThrow(`error[training-manifest]: striate.training: ${words}`);
});
