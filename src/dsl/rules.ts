/**
 * The shape rules by name: what the declaration file of a generic block says of its result (`declaration: true`), as
 * `import("striate").rules.Conv2d<...>`. Nobody has to write them.
 */
export type { Dim, Show } from "./dim-types.ts";
export type { After, Chain } from "./layer.ts";
export type { Embedding } from "./layers/embedding.ts";
export type { Chunks } from "./layers/join.ts";
export type { Reported } from "./scope.ts";
export type * from "./shape-rules/axes.ts";
export type * from "./shape-rules/broadcast.ts";
export type * from "./shape-rules/conv.ts";
export type * from "./shape-rules/cut.ts";
export type * from "./shape-rules/dtype.ts";
export type * from "./shape-rules/join.ts";
export type * from "./shape-rules/linear.ts";
export type * from "./shape-rules/movement.ts";
export type * from "./shape-rules/normalization.ts";
export type * from "./shape-rules/pad.ts";
export type * from "./shape-rules/pixel-shuffle.ts";
export type * from "./shape-rules/pool.ts";
export type * from "./shape-rules/reduce.ts";
export type * from "./shape-rules/reshape.ts";
export type * from "./shape-rules/resize.ts";
export type { Length } from "./tensor.ts";
