/** What units see: which positions of an input, and how strongly. */
export { drawEffectiveField } from "./draw-field.ts";
export { type EffectiveField, type EffectiveFieldOptions, effectiveField, type GradientMeasure, viewOf } from "./effective-field.ts";
export type { FieldSizes, GradientMap, PixelBox, RowsColumns } from "./field-sizes.ts";
export { findValue, lastFeatureMap } from "./find-value.ts";
