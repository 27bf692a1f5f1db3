/** What an op means: one record per op, every facet required, "none" spelled out. */

import type { GraphBuilder } from "./builder.ts";
import type { Dim } from "./dim.ts";
import type { Node, TensorType, Value } from "./graph.ts";
import type { SourceLocation } from "./location.ts";
import type { Attributes } from "./op-signature.ts";
import type { OpAttributes, OpType } from "./op-types.ts";
import type { TargetName } from "./targets.ts";

/** A node that is about to be made: what `infer` and `evaluate` look at. Attributes hold every default. */
export interface Call<T extends OpType> {
  readonly opType: T;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: OpAttributes[T];
  /** How many outputs there will be, those not asked for included. */
  readonly outputCount: number;
  /** A size about which nothing is known, different from every other. */
  unknown(): Dim;
}

/** What a rule throws when the inputs do not fit; the builder adds the op, the node's name and the user's line. */
export class RuleFault extends Error {
  readonly code: string;
  readonly help: string | undefined;
  constructor(code: string, message: string, help?: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}

/** The types of all outputs. Throws a RuleFault when the inputs do not fit. */
export type InferRule<T extends OpType> = (call: Call<T>) => readonly TensorType[];
/** The contents of each output where they can be known, computed from the inputs' `elements` and types; null where not. */
export type EvaluateRule<T extends OpType> = (call: Call<T>) => readonly (readonly Dim[] | null)[];
/** The cotangent of each input, null for those without one, given that of each output (null: zero). `wanted[i]` is false where nobody reads it. */
export type GradRule<T extends OpType> = (
  b: GraphBuilder,
  node: Node<T>,
  dys: readonly (Value | null)[],
  wanted: readonly boolean[],
) => readonly (Value | null)[];

/** What a graph is lowered for. */
export interface Target {
  /** The version of the ai.onnx opset, 13 to 24. */
  readonly opset: number;
  readonly provider: TargetName;
}
/** The same outputs in ops that the target has; "keep" when the node can stay as it is. */
export type LowerRule<T extends OpType> = (b: GraphBuilder, node: Node<T>, target: Target) => readonly (Value | null)[] | "keep";

/** A node as an older opset writes it. */
export interface OldNode {
  readonly opType: OpType;
  readonly name: string;
  readonly opset: number;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  readonly outputCount: number;
  readonly location: SourceLocation;
}
/** The same outputs in today's form; "keep" when the old form is today's. */
export type UpgradeRule = (b: GraphBuilder, old: OldNode) => readonly (Value | null)[] | "keep";

/** The work of one node. */
export interface Flops {
  /** Multiply-adds of convolutions and matrix products. */
  readonly macs: Dim;
  /** All other arithmetic, one per operation. */
  readonly other: Dim;
}
/** The work of a node, from its types and attributes. */
export type FlopsRule<T extends OpType> = (node: Node<T>) => Flops;

/** Which positions along an axis of an input one output position sees. */
export type AxisWindow =
  /** The whole axis. */
  | "all"
  /** One position that does not depend on the output's, such as a broadcast axis of size 1. */
  | "fixed"
  /** The whole positions from start + stride * i to start + stride * i + size - 1, where i is the position along the output's `axis`. */
  | {
      readonly axis: number;
      readonly size: number;
      readonly stride: number;
      readonly start: number;
      /** With gaps: of those positions only the whole ones among start + stride * i + step * j for j = 0, 1, ... */
      readonly step?: number;
      /** What a position outside the input stands for; nothing of it when absent. */
      readonly outside?: OutsidePosition;
    };
/** A position outside an axis stands for the nearest one, the mirrored one, or the one from the other end. */
export type OutsidePosition = "nearest" | "mirrored" | "wrapped";
/** The window along each axis of input `index`; null when the outputs' values do not depend on it (a shape, say). */
export type ReceptiveFieldRule<T extends OpType> = (node: Node<T>, index: number, output: number) => readonly AxisWindow[] | null;

/** An op's documentation. */
export interface OpDocs {
  /** One sentence. */
  readonly summary: string;
  /** The formula in plain text. */
  readonly formula: string;
  /** The specification or paper. */
  readonly source: string;
}

/** The meaning of one op. */
export interface OpSchema<T extends OpType> {
  readonly infer: InferRule<T>;
  readonly evaluate: "none" | EvaluateRule<T>;
  readonly grad: "none" | GradRule<T>;
  readonly lower: "onnx" | LowerRule<T>;
  readonly upgrade: "none" | UpgradeRule;
  readonly flops: "zero" | FlopsRule<T>;
  readonly receptiveField: "pointwise" | "global" | ReceptiveFieldRule<T>;
  readonly docs: OpDocs;
}
/** The records of a family of ops. */
export type OpFamily<T extends OpType> = { readonly [K in T]: OpSchema<K> };
