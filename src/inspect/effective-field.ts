/**
 * Effective receptive fields (Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field in deep convolutional neural
 * networks", NeurIPS 2016): how strongly each pixel moves one unit, by the gradient of that unit averaged over inputs.
 */
import { type Compilable, type InputShapes, type Source, sourceOf, withWeights } from "../compile/index.ts";
import { userError } from "../ir/diagnostic.ts";
import { isFloat } from "../ir/dtype.ts";
import { printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { printShape } from "../ir/shape.ts";
import { numbersOf, type TensorData, tensorFrom } from "../ir/tensor-data.ts";
import { spatialAxes, type UnitView, unitView } from "../passes/index.ts";
import { normalsOf } from "../random/normal.ts";
import { keyOf } from "../random/philox.ts";
import { createSession } from "../runtime/index.ts";
import { type FieldSizes, type GradientMap, sizesOf } from "./field-sizes.ts";
import { findValue, lastFeatureMap, placedAxes } from "./find-value.ts";
import { gradientModel, oneImage } from "./gradient-model.ts";

/** What a gradient counts as: its absolute value, or its square, which the paper's theory is about. */
export type GradientMeasure = "absolute" | "squared";
/** Which unit is looked at, and through which inputs. */
export interface EffectiveFieldOptions {
  /** A value of the graph, or the node that makes it; the last feature map when absent. */
  readonly value?: string;
  /** The input that is looked at; the first that the value depends on when absent. */
  readonly input?: string;
  /** The unit's position along the value's spatial axes; the middle when absent. Its channels are averaged. */
  readonly unit?: readonly number[];
  /** How many inputs of normal noise are averaged over when there are no images; 20 when absent. */
  readonly samples?: number;
  /** The seed of the noise, and of the weights where none are given; 0 when absent. */
  readonly seed?: number;
  /** Real inputs to average over instead of noise: one record of tensors by input name each. */
  readonly images?: readonly Readonly<Record<string, TensorData>>[];
  readonly measure?: GradientMeasure;
  readonly shapes?: InputShapes;
  readonly weights?: ReadonlyMap<string, TensorData>;
}
/** What a unit sees in effect, beside what it can see. */
export interface EffectiveField extends FieldSizes {
  readonly value: Value;
  readonly input: Value;
  readonly unit: readonly number[];
  /** How many inputs were averaged over. */
  readonly samples: number;
  readonly measure: GradientMeasure;
  readonly theoretical: UnitView;
  /** The part of the gradient that each pixel has. */
  readonly map: GradientMap;
}

/**
 * The effective receptive field of a unit. Throws a CompileError where the value, the input or the unit is not there, a size is open, no
 * gradient leads from one to the other, or all of it is zero.
 */
export async function effectiveField(model: Compilable, options: EffectiveFieldOptions = {}): Promise<EffectiveField> {
  const { samples = 20, seed = 0, measure = "absolute", images } = options;
  const source = sourceOf(model, options.shapes);
  const value = options.value === undefined ? lastFeatureMap(source) : findValue(source.graph, options.value);
  const input = chosenInput(source, value, options.input);
  const shapeOf = oneImage(source.inputs);
  const [size, axes] = [shapeOf(value), placedAxes(source.graph, value, input)];
  const unit = options.unit ?? axes.map((axis) => Math.floor((size[axis] ?? 1) / 2));
  const theoretical = viewOf(source, value, input, unit);
  const tensors = withWeights(source, { seed, ...(options.weights === undefined ? {} : { weights: options.weights }) });
  const session = await createSession(gradientModel(source, tensors, value, input));
  const map = emptyMap(input, shapeOf(input));
  const count = images?.length ?? samples;
  try {
    const cotangent = cotangentOf(value, size, axes, unit);
    for (let i = 0; i < count; i++) {
      const own = images?.[i] ?? noise(source.inputs, shapeOf, seed, i);
      const feeds = Object.fromEntries(session.inputs.flatMap(({ name }) => (own[name] === undefined ? [] : [[name, own[name]]])));
      const outputs = await session.run({ ...feeds, [`${value.name}.cotangent`]: cotangent });
      accumulate(map, outputs[`${input.name}.grad`], measure);
    }
  } finally {
    await session.dispose();
  }
  if (!normalized(map)) throw withoutGradient(value, input, unit);
  return { value, input, unit, samples: count, measure, theoretical, map, ...sizesOf(map, theoretical.unclipped) };
}

function chosenInput(source: Source, value: Value, name: string | undefined): Value {
  const inputs = source.inputs.filter((v) => name === undefined || v.name === name);
  const found = inputs.find((v) => isFloat(v.type.dtype) && unitView(source.graph, value, v, new Map()) !== null) ?? inputs[0];
  if (found === undefined) {
    throw userError("unknown-name", `effective receptive field: there is no input "${name ?? ""}"`, nowhere, {
      help: `the inputs are ${source.inputs.map((v) => v.name).join(", ")}`,
    });
  }
  if (spatialAxes(found.type).length === 2) return found;
  throw userError(
    "no-image",
    `effective receptive field: input "${found.name}" is ${printType(found.type)}, which is no image: those are [N, C, height, width]`,
    nowhere,
  );
}

/**
 * What a unit at a position along the spatial axes of `value` sees of `input`. Throws a CompileError where the position has another number
 * of axes or lies outside, and where no path leads from `input` to `value`.
 */
export function viewOf({ graph }: Pick<Source, "graph">, value: Value, input: Value, unit: readonly number[]): UnitView {
  const axes = placedAxes(graph, value, input);
  const at = value.producer?.location ?? nowhere;
  const sizes = axes.map((axis) => value.type.shape[axis] ?? 1);
  const fits = unit.length === axes.length && unit.every((p, i) => Number.isInteger(p) && p >= 0 && !(p >= Number(sizes[i])));
  if (!fits) {
    const last = sizes.map((d) => (typeof d === "number" ? d - 1 : `${d}-1`));
    const help =
      axes.length === 0
        ? "it has no spatial axes: leave the unit out"
        : `units are ${axes.map(() => 0).join(",")} to ${last.join(",")}, along ${axes.length === 1 ? "axis" : "axes"} ${axes.join(" and ")}`;
    throw userError("unit-position", `"${value.name}" is ${printType(value.type)}, which has no unit ${unit.join(",")}`, at, { help });
  }
  const view = unitView(graph, value, input, new Map(axes.map((axis, i) => [axis, unit[i] ?? 0])));
  if (view !== null) return view;
  throw userError("no-path", `"${value.name}" does not depend on "${input.name}"`, at);
}

/** A weight for each element of the value: those of the unit's channels share 1. */
function cotangentOf(value: Value, shape: readonly number[], axes: readonly number[], unit: readonly number[]): TensorData {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, d) => a * d, 1));
  const all = shape.reduce((a, d) => a * d, 1);
  const isUnit = (i: number): boolean =>
    axes.every((axis, k) => Math.floor(i / (strides[axis] ?? 1)) % (shape[axis] ?? 1) === (unit[k] ?? 0));
  const places = Array.from({ length: all }, (_, i) => i).filter(isUnit);
  const weights = new Array<number>(all).fill(0);
  for (const i of places) weights[i] = 1 / places.length;
  return tensorFrom(value.type.dtype, shape, weights);
}

/** Normal noise for the floating inputs and zeros for the others. */
function noise(
  inputs: readonly Value[],
  shapeOf: (value: Value) => readonly number[],
  seed: number,
  sample: number,
): Readonly<Record<string, TensorData>> {
  return Object.fromEntries(
    inputs.map((input) => {
      const shape = shapeOf(input);
      const numbers = new Float64Array(shape.reduce((a, d) => a * d, 1));
      if (isFloat(input.type.dtype)) normalsOf(keyOf(seed, `${input.name}/sample ${sample}`))(numbers);
      return [input.name, tensorFrom(input.type.dtype, shape, Array.from(numbers))];
    }),
  );
}

function emptyMap(input: Value, shape: readonly number[]): GradientMap {
  const [height, width] = spatialAxes(input.type).map((axis) => shape[axis] ?? 1);
  if (height === undefined || width === undefined) throw new RangeError(`${printShape(shape)} is no image`);
  return { height, width, weights: new Float64Array(height * width) };
}

/** Adds the gradient of one input, its channels summed: [1, C, height, width], or [1, height, width, C]. */
function accumulate({ height, width, weights }: GradientMap, gradient: TensorData | undefined, measure: GradientMeasure): void {
  const numbers = gradient === undefined ? [] : (numbersOf(gradient) ?? []);
  const area = height * width;
  const channels = numbers.length / area;
  const channelsFirst = gradient === undefined || spatialAxes(gradient)[0] === 2;
  numbers.forEach((g, i) => {
    const pixel = channelsFirst ? i % area : Math.floor(i / channels);
    weights[pixel] = (weights[pixel] ?? 0) + (measure === "squared" ? g * g : Math.abs(g));
  });
}

/** Divides by the sum; false where that is zero or no number. */
function normalized({ weights }: GradientMap): boolean {
  const sum = weights.reduce((a, w) => a + w, 0);
  if (!(sum > 0) || !Number.isFinite(sum)) return false;
  weights.forEach((w, i) => {
    weights[i] = w / sum;
  });
  return true;
}
const withoutGradient = (value: Value, input: Value, unit: readonly number[]): Error =>
  userError(
    "no-gradient",
    `effective receptive field: the gradient of unit ${unit.join(",")} of "${value.name}" with respect to "${input.name}" is zero or not finite in every sample`,
    value.producer?.location ?? nowhere,
    { help: "ask about a value in front of the activation, or give the weights of a trained model" },
  );
