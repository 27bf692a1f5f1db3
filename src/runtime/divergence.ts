/** When a loss is no finite number: which value went bad first, in which step, and where the user wrote it. */
import type { TrainingManifest } from "../codegen/training-manifest.ts";
import { type CompileError, type Note, userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import { type BadValue, findBadValues } from "./diagnose.ts";
import { type FloatSurvey, isFiniteTensor } from "./finite.ts";
import type { SessionOptions } from "./session-options.ts";
import type { ModelSource } from "./source-map.ts";
import type { StepRunner } from "./step-runner.ts";
import { type Feeds, isHandle } from "./tensor-handle.ts";

/** What is known when a loss, or the state, has gone bad. */
export interface Suspicion {
  /** What was seen, `the loss of step 12 is NaN`. */
  readonly seen: string;
  readonly learningRate: number;
}

/** The error that names the first value that went bad, by running the last steps again with all intermediate values as outputs. */
export async function explainDivergence(
  runner: StepRunner,
  model: ModelSource,
  suspicion: Suspicion,
  options: SessionOptions,
): Promise<CompileError> {
  let before: readonly string[] = [];
  for (const { step, feeds } of runner.recent()) {
    before = await badFeeds(runner, feeds);
    const fed = before.filter((name) => isBatchInput(runner.manifest, name));
    if (fed.length > 0) return diverged(suspicion, `the batch of step ${step} is not finite in ${quoted(fed)}`, []);
    // State that was bad before this step was made so by the step before it.
    if (before.length > 0) continue;
    const [first, ...others] = await findBadValues(model, feeds, options);
    return first === undefined
      ? diverged(suspicion, `run again without onnxruntime's graph optimisations, all values of step ${step} are finite`, [])
      : found(suspicion, step, first, others);
  }
  return diverged(suspicion, `the update of an earlier step made ${quoted(before)} so`, []);
}

/** The inputs of a step that are not finite. */
async function badFeeds(runner: StepRunner, feeds: Feeds): Promise<readonly string[]> {
  const bad: string[] = [];
  for (const [name, feed] of Object.entries(feeds)) {
    if (!isFiniteTensor(isHandle(feed) ? await runner.session.read(feed) : feed)) bad.push(name);
  }
  return bad;
}
const isBatchInput = ({ batch, targets }: TrainingManifest, name: string): boolean => batch.includes(name) || targets.includes(name);
const quoted = (names: readonly string[]): string =>
  `${names
    .slice(0, 3)
    .map((name) => `"${name}"`)
    .join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`;

function found(suspicion: Suspicion, step: number, first: BadValue, others: readonly BadValue[]): CompileError {
  const notes = [
    ...first.inputs.map(({ name, survey }): Note => ({ message: `"${name}" is ${range(survey)}`, location: nowhere })),
    ...others.map(
      (bad): Note => ({
        message: `the first that is ${word(bad.kind)} is "${bad.value}" (${bad.opType}), which reads ${bad.inputs.map(({ name }) => `"${name}"`).join(", ")}`,
        location: bad.location ?? nowhere,
      }),
    ),
  ];
  const { value, opType, survey, kind } = first;
  const count = kind === "nan" ? survey.nan : survey.infinite;
  return diverged(
    suspicion,
    `in step ${step} the first value that went bad is "${value}" (${opType}): ${count} of ${survey.total} elements are ${word(kind)}`,
    notes,
    first,
  );
}
const word = (kind: BadValue["kind"]): string => (kind === "nan" ? "NaN" : "infinite");
const range = ({ min, max, nan, infinite }: FloatSurvey): string =>
  `${min > max ? "without a finite element" : `between ${min.toPrecision(4)} and ${max.toPrecision(4)}`}${nan + infinite > 0 ? `, ${nan} NaN, ${infinite} infinite` : ""}`;

const diverged = ({ seen, learningRate }: Suspicion, what: string, notes: readonly Note[], bad?: BadValue): CompileError =>
  userError("not-finite", `${seen}: ${what}`, bad?.location ?? nowhere, {
    notes,
    help: `the learning rate is ${learningRate}: lower it, clip gradients, or keep logarithms, roots and quotients away from 0`,
  });
