/** What `striate run` says of a model's outputs: classes by name where an output has a number for each, else the numbers. */
import { numbersOf, type TensorData } from "../../ir/tensor-data.ts";
import { table } from "./table.ts";
import { harmless } from "./terminal.ts";

/** The names of classes, none where they are not known, and how many are shown. */
export interface Naming {
  readonly labels: readonly string[];
  readonly top: number;
}
type Outputs = Readonly<Record<string, TensorData>>;

/** More elements than this are described, not listed. */
const mostListed = 10_000;

/** The outputs for programs. */
export const outputsJson = (outputs: Outputs, naming: Naming) =>
  Object.entries(outputs).map(([name, tensor]) => {
    const found = answers(name, outputs, naming);
    const listed = tensor.data.length <= mostListed ? { data: Array.from<unknown>(tensor.data) } : {};
    return { name, dtype: tensor.dtype, shape: tensor.shape, ...(found === null ? {} : { top: found }), ...listed };
  });

/** The outputs for people. */
export const outputsText = (outputs: Outputs, naming: Naming): string =>
  Object.entries(outputs)
    .map(([name, tensor]) => outputText(name, tensor, outputs, naming))
    .join("");

function outputText(name: string, tensor: TensorData, outputs: Outputs, naming: Naming): string {
  // The classes stand beside their scores.
  if (name.endsWith(classesEnd) && name.replace(classesEnd, scoresEnd) in outputs) return "";
  const found = answers(name, outputs, naming);
  if (found === null) return `${harmless(name)} ${tensor.dtype}[${tensor.shape.join(", ")}]${statistics(tensor)}\n`;
  const columns = [
    { title: name, align: "left" },
    { title: "probability" in (found[0] ?? {}) ? "probability" : "score", align: "right" },
  ] as const;
  return table(
    columns,
    found.map((a) => [a.class, "probability" in a ? `${(100 * a.probability).toFixed(2)} %` : a.score.toPrecision(5)]),
  );
}

type Answer = { readonly class: string } & ({ readonly probability: number } | { readonly score: number });
const [scoresEnd, classesEnd] = [".scores", ".classes"] as const;

/** The most likely classes of an output of one number per class, float[1, classes], or of one that holds the likeliest alone; null for others. */
function answers(name: string, outputs: Outputs, { labels, top }: Naming): readonly Answer[] | null {
  const tensor = outputs[name];
  const values = tensor === undefined ? [] : (numbersOf(tensor) ?? []);
  if (tensor === undefined || !tensor.dtype.startsWith("float") || tensor.shape.length !== 2 || tensor.shape[0] !== 1) return null;
  const chosen = name.endsWith(scoresEnd) ? outputs[name.replace(scoresEnd, classesEnd)] : undefined;
  const classes = chosen === undefined ? null : numbersOf(chosen);
  // What adds up to one are probabilities already, and so are the likeliest of them; anything else is taken for logits.
  const sum = values.reduce((a, b) => a + b, 0);
  const isNormal = values.every((v) => v >= 0) && (classes === null ? Math.abs(sum - 1) < 1e-3 : sum <= 1 + 1e-3);
  if (classes !== null)
    return values
      .slice(0, top)
      .map((v, i) => ({ class: labelOf(labels, classes[i] ?? i), ...(isNormal ? { probability: v } : { score: v }) }));
  if (values.length < 2) return null;
  const most = Math.max(...values);
  const scale = values.reduce((total, v) => total + Math.exp(v - most), 0);
  return values
    .map((v, k) => ({ class: labelOf(labels, k), probability: isNormal ? v : Math.exp(v - most) / scale }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
}
const labelOf = (labels: readonly string[], index: number): string => labels[index] ?? String(index);

function statistics(tensor: TensorData): string {
  const values = numbersOf(tensor) ?? [];
  if (values.length === 0) return "";
  if (values.length <= 8) return ` ${values.join(", ")}`;
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const v of values) {
    least = Math.min(least, v);
    most = Math.max(most, v);
    sum += v;
  }
  return `, least ${least.toPrecision(5)}, mean ${(sum / values.length).toPrecision(5)}, most ${most.toPrecision(5)}`;
}
