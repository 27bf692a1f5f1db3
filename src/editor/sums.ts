/** The sizes of a value with the numbers that they come from. */
import { type Dim, totalOf } from "../ir/dim.ts";
import type { Node, Value } from "../ir/graph.ts";

/** The attributes of whatever slides a window, read without knowing which op it is. */
interface WindowAttributes {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  /** Null for a window that gathers; the extra sizes for one that spreads. */
  readonly outputPadding: readonly number[] | null;
  readonly ceil: boolean;
}

/**
 * `112 = floor((224 + 2*3 - 7) / 2) + 1` for each axis that a window moves along (axes with equal sums together), `256 = 64 + 192`
 * along the axis of a join, or the product that a reshape noted as `noted`.
 */
export function sumsOf(node: Node, output: Value, noted: string | undefined): readonly string[] {
  const attributes: Readonly<Record<string, unknown>> = { ...node.attributes };
  const window = windowOf(attributes);
  const [x] = node.inputs;
  if (window !== null && x !== null && x !== undefined) return windowSums(window, x.type.shape, output.type.shape);
  if (noted !== undefined) return [swapped(noted)];
  return joinSums(node, attributes, output);
}
/** "32 * 8 * 8 = 2048" as "2048 = 32 * 8 * 8". */
function swapped(sum: string): string {
  const [left, right] = sum.split(" = ");
  return left !== undefined && right !== undefined ? `${right} = ${left}` : sum;
}

function windowOf(attributes: Readonly<Record<string, unknown>>): WindowAttributes | null {
  const kernel = numbers(attributes["kernel_shape"]);
  if (kernel.length === 0) return null;
  const output = attributes["output_padding"];
  const ones = kernel.map(() => 1);
  const or = (list: readonly number[], otherwise: readonly number[]): readonly number[] => (list.length === 0 ? otherwise : list);
  return {
    kernel,
    strides: or(numbers(attributes["strides"]), ones),
    dilations: or(numbers(attributes["dilations"]), ones),
    pads: or(
      numbers(attributes["pads"]),
      [...kernel, ...kernel].map(() => 0),
    ),
    outputPadding:
      output === undefined
        ? null
        : or(
            numbers(output),
            kernel.map(() => 0),
          ),
    ceil: attributes["ceil_mode"] === 1,
  };
}
const numbers = (value: unknown): readonly number[] => (Array.isArray(value) ? value.filter((n) => typeof n === "number") : []);

function windowSums(w: WindowAttributes, from: readonly Dim[], to: readonly Dim[]): readonly string[] {
  const lead = from.length - w.kernel.length;
  return [...new Set(w.kernel.map((_, i) => `${to[lead + i]} = ${windowSum(w, from[lead + i] ?? 0, i)}`))];
}
/** floor((X + pads - D (K - 1) - 1) / S) + 1, or its inverse (X - 1) S + D (K - 1) + 1 + E - pads. */
function windowSum(w: WindowAttributes, x: Dim, i: number): string {
  const [k = 1, s = 1, d = 1] = [w.kernel[i], w.strides[i], w.dilations[i]];
  const [begin = 0, end = 0] = [w.pads[i], w.pads[i + w.kernel.length]];
  const padding = begin === end ? (begin === 0 ? "" : `2*${begin}`) : `${begin} + ${end}`;
  if (w.outputPadding !== null) {
    const extra = w.outputPadding[i] ?? 0;
    const reach = d === 1 ? `${k}` : `${d}*(${k} - 1) + 1`;
    return `(${x} - 1)*${s}${padding === "" ? "" : ` - ${begin === end ? padding : `(${padding})`}`} + ${reach}${extra === 0 ? "" : ` + ${extra}`}`;
  }
  const reach = d === 1 ? `${k}` : `${d}*(${k} - 1) - 1`;
  const inner = `${x}${padding === "" ? "" : ` + ${padding}`} - ${reach}`;
  return s === 1 ? `${inner} + 1` : `${w.ceil ? "ceil" : "floor"}((${inner}) / ${s}) + 1`;
}

/** The sum along the axis on which several inputs meet. */
function joinSums(node: Node, attributes: Readonly<Record<string, unknown>>, output: Value): readonly string[] {
  const { axis } = attributes;
  const inputs = node.inputs.filter((v) => v !== null);
  if (typeof axis !== "number" || inputs.length < 2) return [];
  const at = axis < 0 ? axis + output.type.shape.length : axis;
  if (!inputs.every((v) => v.type.shape.length === output.type.shape.length)) return [];
  const sizes = inputs.map((v) => v.type.shape[at] ?? 0);
  return totalOf(sizes) === output.type.shape[at] ? [`${output.type.shape[at]} = ${sizes.join(" + ")}`] : [];
}
