/** Fitting tensors from a file to what a model wants: strictly, with everything that does not fit told at once. */
import { type Note, userError } from "../ir/diagnostic.ts";
import { type DType, isFloat } from "../ir/dtype.ts";
import { printType } from "../ir/graph.ts";
import { nowhere, type SourceLocation } from "../ir/location.ts";
import { sameShape } from "../ir/shape.ts";
import { fromBfloat16, fromFloat16, type TensorData, toBfloat16, toFloat16 } from "../ir/tensor-data.ts";

/** A tensor that a model wants under some name. */
export interface ExpectedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where the user's code asks for it. */
  readonly location?: SourceLocation;
}
/** How tensors are matched. */
export interface MatchOptions {
  /** What messages call the tensors' origin: the file's name, as a rule. */
  readonly source: string;
  /** Turns floating-point tensors of another width into the width wanted; they are told as mistakes when absent. */
  readonly convertFloats?: boolean;
  /** Names of surplus tensors that are left out in silence, such as PyTorch's `num_batches_tracked`. */
  readonly ignore?: (name: string) => boolean;
}

/** The tensors wanted, in the order wanted. Throws one CompileError that lists all that are missing, surplus, or of another type or shape. */
export function matchWeights(
  given: ReadonlyMap<string, TensorData>,
  expected: ReadonlyMap<string, ExpectedTensor>,
  options: MatchOptions,
): ReadonlyMap<string, TensorData> {
  const matched = new Map<string, TensorData>();
  const missing: Note[] = [];
  const wrong: Note[] = [];
  for (const [name, wanted] of expected) {
    const tensor = given.get(name);
    const location = wanted.location ?? nowhere;
    if (tensor === undefined) missing.push({ message: `missing: "${name}", ${printType(wanted)}`, location });
    else {
      const fitted = options.convertFloats === true ? convertFloat(tensor, wanted.dtype) : tensor;
      matched.set(name, fitted);
      if (fitted.dtype !== wanted.dtype || !sameShape(fitted.shape, wanted.shape)) {
        wrong.push({ message: `does not fit: "${name}" is ${printType(tensor)}, wanted ${printType(wanted)}`, location });
      }
    }
  }
  const surplus = [...given]
    .filter(([name]) => !expected.has(name) && options.ignore?.(name) !== true)
    .map(([name, tensor]): Note => ({ message: `surplus: "${name}", ${printType(tensor)}`, location: nowhere }));
  const notes = [...missing, ...surplus, ...wrong];
  if (notes.length > 0)
    throw mismatch(options.source, notes, counted({ missing, surplus, wrong }), hint(given, expected, wrong.length > 0));
  return matched;
}

const mismatch = (source: string, notes: readonly Note[], counts: string, help: string | undefined): Error =>
  userError("weights-mismatch", `${source} does not fit the model: ${counts}`, nowhere, { notes, ...(help === undefined ? {} : { help }) });
const counted = (found: {
  readonly missing: readonly Note[];
  readonly surplus: readonly Note[];
  readonly wrong: readonly Note[];
}): string =>
  [
    ...(found.missing.length > 0 ? [`${found.missing.length} missing`] : []),
    ...(found.surplus.length > 0 ? [`${found.surplus.length} surplus`] : []),
    ...(found.wrong.length > 0 ? [`${found.wrong.length} of another type or shape`] : []),
  ].join(", ");

/** Says when all names differ by one prefix (`module.`, `model.`, `backbone.`), or when only the float width is wrong. */
function hint(
  given: ReadonlyMap<string, TensorData>,
  expected: ReadonlyMap<string, ExpectedTensor>,
  someWrong: boolean,
): string | undefined {
  for (const [longer, shorter, whose] of [
    [given, expected, "the file's"],
    [expected, given, "the model's"],
  ] as const) {
    const prefix = commonPrefix([...longer.keys()], shorter);
    if (prefix !== null) return `${whose} names begin with "${prefix}", the others' do not`;
  }
  const widths = [...expected].filter(([name, { dtype, shape }]) => {
    const tensor = given.get(name);
    return tensor !== undefined && tensor.dtype !== dtype && isFloat(tensor.dtype) && isFloat(dtype) && sameShape(tensor.shape, shape);
  });
  return someWrong && widths.length > 0 ? "ask for floats to be converted" : undefined;
}
function commonPrefix(names: readonly string[], others: ReadonlyMap<string, unknown>): string | null {
  const [first = ""] = names;
  const dots = [...first.matchAll(/\./g)].map(({ index }) => first.slice(0, index + 1));
  return dots.find((prefix) => names.every((name) => name.startsWith(prefix)) && others.has(first.slice(prefix.length))) ?? null;
}

/** A floating-point tensor in another width, rounded to nearest even; any other tensor as it is. */
export function convertFloat(tensor: TensorData, to: DType): TensorData {
  const { dtype, shape, data } = tensor;
  if (dtype === to || !isFloat(dtype) || !isFloat(to) || !ArrayBuffer.isView(data)) return tensor;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return tensor;
  const read = dtype === "float16" ? fromFloat16 : dtype === "bfloat16" ? fromBfloat16 : (x: number) => x;
  if (to === "float32") return { dtype: to, shape, data: Float32Array.from(data, read) };
  if (to === "float64") return { dtype: to, shape, data: Float64Array.from(data, read) };
  const write = to === "float16" ? toFloat16 : toBfloat16;
  return { dtype: to, shape, data: Uint16Array.from(data, (x) => write(read(x))) };
}
