/** Inlay hints: the shapes of variables and of the results of calls, beside them in the text. */
import type { CallFacts } from "./call-facts.ts";

/** A hint at an offset of the analysed text. */
export interface Hint {
  readonly offset: number;
  readonly label: string;
  /** Every value, one a line, where the label had to be short. */
  readonly tooltip: string | null;
}

/** Whether a call's type says the shape that it has: it runs once, and no function around it is called with other shapes. */
export const isSaidByType = ({ call, shapes }: CallFacts): boolean => call.inForward && shapes.length === 1;

/** Whether a type, as an editor shows it, says the shape that a call has had: `const x: Tensor<["N", 64, 56, 56]>`, or a call's result. */
export function saysShape(hover: string, { shapes: [shape = ""] }: CallFacts): boolean {
  const said = [...hover.matchAll(/: (?:Flat|Typed)?Tensor<(\[[^\]]*\])/g)].at(-1)?.[1] ?? "";
  return said.replaceAll('"', "") === `[${axesOf(shape).join(", ")}]`;
}

/** The hints of a text, without those of calls that `hides` names. A call that only passes on what is shown around it has none. */
export function hintsOf(facts: readonly CallFacts[], hides: (fact: CallFacts) => boolean = () => false): readonly Hint[] {
  const byMark = new Map(facts.map((f) => [f.call.mark, f]));
  return facts.flatMap((f): readonly Hint[] => {
    if (hides(f)) return [];
    const { call } = f;
    const label = labelOf(f);
    const tooltip =
      f.shapes.length > 1
        ? runs(transitions(f))
            .map(({ text, count }) => `${text}${times(count)}`)
            .join("\n")
        : null;
    if (call.variable !== null) return [{ offset: call.variable.end, label: `: ${label}`, tooltip }];
    const outer = call.outer === null ? undefined : byMark.get(call.outer);
    if (outer !== undefined && outer.shapes.join(" | ") === f.shapes.join(" | ")) return [];
    return [{ offset: call.end, label: ` ${label}`, tooltip }];
  });
}

const mostRuns = 4;
const times = (count: number): string => (count === 1 ? "" : ` x${count}`);

/** `[N, 64, 56, 56]` for one shape; `64 -> 256 | 256 -> 256 x2`, the axes that change alone, for several. */
function labelOf(f: CallFacts): string {
  const [first = ""] = f.shapes;
  if (f.shapes.every((s) => s === first)) return first;
  const found = runs(changing(f) ?? transitions(f));
  const shown = found.slice(0, mostRuns).map(({ text, count }) => `${text}${times(count)}`);
  return [...shown, ...(found.length > mostRuns ? [`and ${found.length - mostRuns} more`] : [])].join(" | ");
}

/** Each value as `input -> output` where a layer with one input made it, else as its shape. */
function transitions({ layers, shapes }: CallFacts): readonly string[] {
  return hasTransitions({ layers, shapes }) ? layers.map((l) => `${l.inputs[0]} -> ${l.output}`) : shapes;
}
/** Whether each value was made by a layer of one input, and some by one that changes the shape. */
const hasTransitions = ({ layers, shapes }: Pick<CallFacts, "layers" | "shapes">): boolean =>
  layers.length === shapes.length && layers.every((l) => l.inputs.length === 1) && layers.some((l) => l.inputs[0] !== l.output);
/** The transitions without the axes that are the same everywhere; null where shapes have no axes in common. */
function changing({ layers, shapes }: CallFacts): readonly string[] | null {
  if (!hasTransitions({ layers, shapes })) return null;
  const pairs = layers.map((l) => [axesOf(l.inputs[0] ?? ""), axesOf(l.output)] as const);
  const all = pairs.flat();
  const [rank = 0] = all.map((axes) => axes.length);
  if (!all.every((axes) => axes.length === rank)) return null;
  const differs = Array.from({ length: rank }, (_, i) => all.some((axes) => axes[i] !== all[0]?.[i]));
  const short = (axes: readonly string[]): string => axes.filter((_, i) => differs[i] === true).join("x");
  return pairs.map(([from, to]) => `${short(from)} -> ${short(to)}`);
}
const axesOf = (shape: string): readonly string[] => shape.replace(/^\w*\[|\]$/g, "").split(", ");

interface Run {
  readonly text: string;
  readonly count: number;
}
/** Equal neighbours as one. */
function runs(texts: readonly string[]): readonly Run[] {
  const found: { text: string; count: number }[] = [];
  for (const text of texts) {
    const last = found.at(-1);
    if (last?.text === text) last.count++;
    else found.push({ text, count: 1 });
  }
  return found;
}
