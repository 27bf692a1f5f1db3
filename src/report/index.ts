/** Reports for people. */
export type { FieldBox, ShownFields } from "./fields.ts";
export type { FlameBox } from "./flame.ts";
export type { FiguresOf, NodeFigures } from "./lay-out-scopes.ts";
export type { LayerRow } from "./layers.ts";
export { type ModelReport, renderModelReport } from "./model-report.ts";
export type { PassRow, SizeChange } from "./passes.ts";
export { type ProfileReport, renderProfileReport } from "./profile-report.ts";
export { type EpochPoint, type Mistake, renderTrainingReport, type StepPoint, type TrainingReport } from "./training-report.ts";
