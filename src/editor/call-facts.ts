/** What an analysis knows about each call in a text. */
import type { Analysis, Details, LayerReport } from "./protocol.ts";
import { callNamedAt, offsetAt, type SourceCall, type SourceFile } from "./source-calls.ts";

/** A layer's call, and what one position of its output sees of the input; "" where that is not known yet. */
export interface LayerFact extends LayerReport {
  readonly field: string;
}
/** A call in the text and what it was while the model was traced. */
export interface CallFacts {
  readonly call: SourceCall;
  /** The calls of a layer that happened here, in order; empty for a call of the user's own function. */
  readonly layers: readonly LayerFact[];
  /** The shapes of the values, in order. */
  readonly shapes: readonly string[];
}

/** The calls in a text that gave tensors in the first model of an analysis, in the order of the text. */
export function callFacts(source: SourceFile, { models: [model] }: Analysis, details: Details | null): readonly CallFacts[] {
  if (model === undefined) return [];
  const layers = new Map<number, LayerFact[]>();
  model.layers.forEach((layer, i) => {
    if (layer.place?.file !== source.file) return;
    const call = callNamedAt(source, offsetAt(source, layer.place.line, layer.place.column));
    if (call !== undefined) layers.set(call.mark, [...(layers.get(call.mark) ?? []), { ...layer, field: details?.fields[i] ?? "" }]);
  });
  const seen = new Map<number, string[]>();
  for (const { file, mark, shapes } of model.seen) {
    if (file === source.file) seen.set(mark, [...(seen.get(mark) ?? []), shapes.join(", ")]);
  }
  return source.calls.flatMap((call) => {
    const own = layers.get(call.mark) ?? [];
    const shapes = seen.get(call.mark) ?? own.map((layer) => layer.output);
    return shapes.length === 0 ? [] : [{ call, layers: own, shapes }];
  });
}
