/** What the process that runs model files and the processes that ask it say to each other, as JSON. */
import type { Diagnostic } from "../ir/diagnostic.ts";

/** One text in place of a file on the disk: a buffer of an editor. */
export interface Overlay {
  /** The file's absolute path. */
  readonly file: string;
  readonly text: string;
  /** What was inserted into the text, so that places in it are told as those of the buffer. */
  readonly insertions: readonly Insertion[];
}
/** Text that was inserted into a line of a buffer. */
export interface Insertion {
  /** Counts from 1. */
  readonly line: number;
  /** Counts from 1, in the buffer's own text. */
  readonly column: number;
  readonly length: number;
}

/** Asks for the analysis of a model file. */
export interface AnalysisRequest {
  readonly id: number;
  /** The file's absolute path. */
  readonly file: string;
  readonly overlays: readonly Overlay[];
  /**
   * Whether an editor asks: then the report of the first model comes alone, and the details after it: the receptive fields of its
   * layers, and the other models. Otherwise all models are traced at once, and only counted.
   */
  readonly details: boolean;
}

/** A place in a file; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One call of a layer while a model was traced. */
export interface LayerReport {
  /** The layer's function, "conv2d". */
  readonly label: string;
  /** The scoped name, "layer1.0.conv1". */
  readonly name: string;
  readonly place: Place | null;
  /** `[N, 3, 224, 224]`; other element types stand before it. */
  readonly inputs: readonly string[];
  readonly output: string;
  /** The sizes with the numbers they come from, `112 = floor((224 + 2*3 - 7) / 2) + 1`, one for each axis that has such a sum. */
  readonly sums: readonly string[];
  /** The ONNX ops that it becomes, without those that only compute sizes. */
  readonly ops: readonly string[];
  /** What the op computes, as its record says. */
  readonly formula: string;
  /** Elements of the parameters that it declares; a text where sizes are symbols. */
  readonly parameters: number;
  readonly macs: number | string;
}
/** The values that one marked expression had, one after the other. */
export interface SeenReport {
  readonly file: string;
  /** The number of the mark. */
  readonly mark: number;
  /** The shape of each value; several tensors in one are joined. */
  readonly shapes: readonly string[];
}
/** A parameter or a buffer. */
export interface ParameterReport {
  readonly name: string;
  readonly shape: string;
  readonly role: "parameter" | "buffer";
}
/** A model that was traced, to its end or to its first fault. */
export interface ModelReport {
  /** Under which name the file exports it, or the function that makes it. */
  readonly exportName: string;
  readonly name: string;
  /** Where `defineModel` was called. */
  readonly place: Place | null;
  /** Whether the trace came to its end. */
  readonly complete: boolean;
  /** How many calls of layers were traced; what follows is empty where the models were only counted. */
  readonly layerCount: number;
  readonly layers: readonly LayerReport[];
  readonly seen: readonly SeenReport[];
  readonly parameters: readonly ParameterReport[];
  /** The names of all values that nodes make. */
  readonly values: readonly string[];
}
/** The answer to a request. */
export interface Analysis {
  readonly file: string;
  /** The model whose shapes the editor shows comes first. */
  readonly models: readonly ModelReport[];
  readonly diagnostics: readonly Diagnostic[];
  /** The user's own files that were loaded, this one included. */
  readonly files: readonly string[];
}

/** A model in figures. */
export interface ModelSummary {
  readonly exportName: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly parameters: number;
  readonly macs: number | string;
  /** The most bytes that activations need at a time, for one image where the batch is a symbol; null where sizes are unknown. */
  readonly activationBytes: number | null;
  /** True when the figures are those of one image. */
  readonly perImage: boolean;
  /** What one position of the last value with an image's axes sees of the input, "483x483, stride 32". */
  readonly receptiveField: string;
}
/** What takes longer than an analysis, and comes after it. */
export interface Details {
  readonly file: string;
  /** The receptive field of each layer of the first model, in the order of its layers. */
  readonly fields: readonly string[];
  readonly summaries: readonly ModelSummary[];
  /** What is wrong with the models that the analysis left out. */
  readonly diagnostics: readonly Diagnostic[];
}

/** What the process that runs model files says. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "analysis"; readonly id: number; readonly analysis: Analysis }
  | { readonly kind: "details"; readonly id: number; readonly details: Details };

/** The name, in the registry of symbols, under which marked expressions find the function that notes their values. */
export const seenKey = "striate.seen";
/** The name, in the registry of symbols, of the port through which the loader hears of overlays. */
export const overlayPortKey = "striate.overlays";
