/** Normalisation of each image on its own, as torch.nn.GroupNorm and InstanceNorm2d, written with standard ops. */
import { formulas } from "../../ir/formulas.ts";
import type { Value } from "../../ir/graph.ts";
import { type LayerInit, ones, zeros } from "../init.ts";
import {
  channelsFault,
  type GroupNormFault,
  type GroupNormShape,
  groupNormFault,
  type InstanceNormShape,
} from "../shape-rules/normalization.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, declare, enterLayer, floatOperand, result, within } from "../trace.ts";
import { optionsFault, required, settings } from "./options.ts";
import { shapeTensor } from "./shape-tensor.ts";

/** The options of groupNorm. */
export interface GroupNormOptions<S, G extends number, F> {
  numGroups: Checked<Checked<G, Positive<"groupNorm: numGroups", G>>, GroupNormFault<S, G>>;
  /** Only checked: the input says how many there are. */
  numChannels?: F;
  eps?: number;
  affine?: boolean;
  init?: LayerInit;
  name?: string;
}
/** Group normalisation (Wu and He 2018, arXiv:1803.08494), as torch.nn.GroupNorm: each of numGroups groups of channels by its own mean and variance. */
export function groupNorm<S, G extends number, F extends number = number>(
  x: Checked<Tensor<S>, GroupNormShape<S, F>>,
  options: GroupNormOptions<S, G, F>,
): Tensor<S> {
  const o = settings<GroupNormSettings>(options, { ...defaults, numGroups: required, numChannels: null });
  const call = enterLayer("groupNorm", groupNorm, arguments, o.name);
  const value = floatOperand(call, x);
  const { shape } = value.type;
  check(call, [value], optionsFault(options, o));
  check(call, [value], positive("numGroups", o.numGroups));
  check(call, [value], groupNormFault(shape, o.numGroups, o.numChannels));
  const { builder } = call;
  const groups = within(call, () => builder.add("Reshape", [value, builder.constant("int64", [0, o.numGroups, -1])]));
  const centred = within(call, () => standardised(call, groups, [2], o.eps));
  // A symbolic batch is the 0 that keeps it; other symbols are read from the input's own axes.
  const target = shapeTensor(call, value, typeof shape[0] === "string" ? [0, ...shape.slice(1)] : shape);
  const restored = within(call, () => builder.add("Reshape", [centred, target]));
  return result(call, scaled(call, restored, value, o));
}
/** The options of instanceNorm2d. */
export interface InstanceNormOptions<F> {
  /** Only checked: the input says how many there are. */
  numFeatures?: F;
  eps?: number;
  /** Whether there is a learnt scale and shift; PyTorch has none unless asked. */
  affine?: boolean;
  init?: LayerInit;
  name?: string;
}
/** Instance normalisation (Ulyanov et al. 2016, arXiv:1607.08022), as torch.nn.InstanceNorm2d: each channel of each image by its own mean and variance. */
export function instanceNorm2d<S, F extends number = number>(
  x: Checked<Tensor<S>, InstanceNormShape<S, F>>,
  options?: InstanceNormOptions<F>,
): Tensor<S> {
  const o = settings<InstanceNormSettings>(options, { ...defaults, affine: false, numFeatures: null });
  const call = enterLayer("instanceNorm2d", instanceNorm2d, arguments, o.name);
  const value = floatOperand(call, x);
  check(call, [value], optionsFault(options, o));
  check(call, [value], channelsFault(value.type.shape, [4], "[N, C, H, W]", o.numFeatures));
  return result(
    call,
    scaled(
      call,
      within(call, () => standardised(call, value, [2, 3], o.eps)),
      value,
      o,
    ),
  );
}

interface NormSettings {
  readonly eps: number;
  readonly affine: boolean;
  readonly init: LayerInit;
  readonly name: string | undefined;
}
interface GroupNormSettings extends NormSettings {
  readonly numGroups: number;
  readonly numChannels: number | null;
}
interface InstanceNormSettings extends NormSettings {
  readonly numFeatures: number | null;
}
const defaults: NormSettings = { eps: 1e-5, affine: true, init: {}, name: undefined };

/** (x - mean) / sqrt(variance + eps) over axes. */
function standardised({ builder }: Call, x: Value, axes: readonly number[], eps: number): Value {
  const { add, div, reduceMean, sqrt, square, sub } = formulas(builder);
  const centred = sub(x, reduceMean(x, axes, true));
  return div(centred, sqrt(add(reduceMean(square(centred), axes, true), eps)));
}
/** weight y + bias, one of each for a channel of x; the last node carries the layer's name. */
function scaled(call: Call, y: Value, x: Value, o: NormSettings): Value {
  if (!o.affine) return add(call, "Identity", [y]);
  const [, c = 0, ...spatial] = x.type.shape;
  const perChannel = (v: Value): Value =>
    call.builder.add("Unsqueeze", [
      v,
      call.builder.constant(
        "int64",
        spatial.map((_, i) => i + 1),
      ),
    ]);
  const weight = declare(call, "weight", [c], o.init.weight ?? ones());
  const bias = declare(call, "bias", [c], o.init.bias ?? zeros());
  const product = within(call, () => call.builder.add("Mul", [y, perChannel(weight)]));
  return add(call, "Add", [product, within(call, () => perChannel(bias))]);
}
