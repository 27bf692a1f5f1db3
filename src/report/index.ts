/** Reports for people. */
export {
  type EpochPoint,
  type LayerRow,
  type Mistake,
  type PassRow,
  renderTrainingReport,
  type StepPoint,
  type TrainingReport,
} from "./training-report.ts";
