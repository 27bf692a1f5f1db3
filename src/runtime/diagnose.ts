/** Finding the first value of a graph that is no finite number, by running it with every intermediate value as an output. */
import { dirname, resolve } from "node:path";
import { encodeModelProto, type ModelProto, type NodeProto, type TensorProto } from "../codegen/proto/onnx.generated.ts";
import { newWriter } from "../codegen/proto/wire.ts";
import { InternalError } from "../ir/diagnostic.ts";
import { dtypeFromOnnx, isFloat } from "../ir/dtype.ts";
import type { SourceLocation } from "../ir/location.ts";
import { arrayOf } from "../ir/tensor-data.ts";
import { type FloatSurvey, surveyFloats } from "./finite.ts";
import { createSession, type Session } from "./session.ts";
import { type SessionOptions, withoutFiles } from "./session-options.ts";
import { locationOfNode, type ModelSource, readModelProto } from "./source-map.ts";
import { type Feeds, isHandle } from "./tensor-handle.ts";

/** A value of a graph that is not finite although all that it was computed from is. */
export interface BadValue {
  readonly value: string;
  /** The node that computed it. */
  readonly node: string;
  readonly opType: string;
  /** The user's line, null where the file does not say it. */
  readonly location: SourceLocation | null;
  readonly kind: "nan" | "infinite";
  readonly survey: FloatSurvey;
  /** What the node read, as far as it is floating point. */
  readonly inputs: readonly { readonly name: string; readonly survey: FloatSurvey }[];
}

/** How many values are fetched in one run: all at once would need the memory of a whole training step many times over. */
const valuesPerRun = 64;

/** A model whose every intermediate value is an output too, in the order of computation. */
function withIntermediates(model: ModelProto): ModelProto {
  const { graph } = model;
  if (graph === undefined) throw new InternalError("a model without a graph has no intermediate values");
  const outputs = graph.output ?? [];
  const known = new Set(outputs.map((output) => output.name));
  const added = (graph.node ?? []).flatMap((node) => node.output ?? []).filter((name) => name !== "" && !known.has(name));
  return { ...model, graph: { ...graph, output: [...outputs, ...added.map((name) => ({ name }))] } };
}

/**
 * The first values that went bad, in the order of computation: the first that holds a NaN made of none, and the first infinity made of
 * finite numbers. Empty when every value is finite. Runs the graph without onnxruntime's own rewriting, once per 64 values.
 */
export async function findBadValues(model: ModelSource, feeds: Feeds, options: SessionOptions = {}): Promise<readonly BadValue[]> {
  const proto = readModelProto(model);
  if (proto === null) return [];
  const bytes = encodeModelProto(newWriter(), withIntermediates(proto)).finish();
  // External data lies beside the file, where a model given as bytes does not look by itself.
  const config = typeof model === "string" ? { "session.model_external_initializers_file_folder_path": dirname(resolve(model)) } : {};
  const session = await createSession(bytes, {
    ...withoutFiles(options),
    graphOptimization: "none",
    config: { ...options.config, ...config },
  });
  try {
    return await search(session, proto, await knownSurveys(session, proto, feeds), feeds);
  } finally {
    await session.dispose();
  }
}

type Surveys = Map<string, FloatSurvey>;

/** What is known of the graph's inputs and initializers. */
async function knownSurveys(session: Session, { graph }: ModelProto, feeds: Feeds): Promise<Surveys> {
  const surveys: Surveys = new Map();
  for (const initializer of graph?.initializer ?? []) {
    const survey = surveyInitializer(initializer);
    if (survey !== null && initializer.name !== undefined) surveys.set(initializer.name, survey);
  }
  for (const [name, feed] of Object.entries(feeds)) {
    if (isFloat(feed.dtype)) surveys.set(name, surveyFloats(isHandle(feed) ? await session.read(feed) : feed));
  }
  return surveys;
}
/** Contents that lie in the model itself; weights in other files are taken to be finite. */
function surveyInitializer({ dataType, rawData, dims }: TensorProto): FloatSurvey | null {
  const dtype = dtypeFromOnnx(dataType ?? 0);
  if (dtype === undefined || rawData === undefined || !isFloat(dtype)) return null;
  return surveyFloats({ dtype, shape: dims ?? [], data: arrayOf(dtype, rawData) });
}

async function search(session: Session, { graph }: ModelProto, surveys: Surveys, feeds: Feeds): Promise<readonly BadValue[]> {
  const floats = new Set(session.outputs.filter((port) => port.dtype !== null && isFloat(port.dtype)).map((port) => port.name));
  const nodes = (graph?.node ?? []).filter((node) => node.output?.some((name) => floats.has(name)));
  const found: BadValue[] = [];
  for (let start = 0; start < nodes.length && !found.some((bad) => bad.kind === "nan"); start += valuesPerRun) {
    const some = nodes.slice(start, start + valuesPerRun);
    const values = await session.run(
      feeds,
      some.flatMap((node) => (node.output ?? []).filter((name) => floats.has(name))),
    );
    for (const [name, value] of Object.entries(values)) surveys.set(name, surveyFloats(value));
    for (const node of some) found.push(...badOutputs(node, surveys));
  }
  // Everything after the first of each kind follows from it.
  return (["nan", "infinite"] as const)
    .flatMap((kind) => found.find((bad) => bad.kind === kind) ?? [])
    .sort((a, b) => found.indexOf(a) - found.indexOf(b));
}

function badOutputs(node: NodeProto, surveys: Surveys): readonly BadValue[] {
  const inputs = (node.input ?? []).flatMap((name) => {
    const survey = surveys.get(name);
    return survey === undefined ? [] : [{ name, survey }];
  });
  return (node.output ?? []).flatMap((value) => {
    const survey = surveys.get(value);
    if (survey === undefined) return [];
    const kind = survey.nan > 0 ? "nan" : survey.infinite > 0 ? "infinite" : null;
    if (kind === null) return [];
    const inherited = inputs.some(({ survey: input }) => input.nan > 0 || (kind === "infinite" && input.infinite > 0));
    return inherited
      ? []
      : [{ value, node: node.name ?? "", opType: node.opType ?? "", location: locationOfNode(node), kind, survey, inputs }];
  });
}
