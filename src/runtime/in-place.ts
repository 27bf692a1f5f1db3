/**
 * Keeping onnxruntime-node from copying outputs that are written in place.
 *
 * Its `run` writes an output into the tensor it is given for it, and afterwards still makes a new array of every output's size and copies
 * the contents there: for a training step with 45 MB of state, 12 to 18 ms of work and 45 MB of garbage. It makes these arrays in the order
 * of the graph's outputs, after everything has been computed, and stops with an error at one that is no tensor. So a graph gets an empty
 * sequence as its first output: a run that asks for it ends in that error once all other outputs are written, and nothing is copied.
 */
import { encodeModelProto, type ModelProto } from "../codegen/proto/onnx.generated.ts";
import { newWriter } from "../codegen/proto/wire.ts";

/** The name of the output at which onnxruntime-node stops. */
export const stopOutput = "striate.stop";

/** What onnxruntime-node 1.30 says when it stops there. */
const stopMessage = "Non tensor type is temporarily not supported.";
/** True for the error by which a run has ended that computed everything. */
export const isStop = (error: unknown): boolean => error instanceof Error && error.message === stopMessage;

/** SequenceEmpty has been there since this version. */
const firstOpset = 11;

/** The bytes of a model with the stop output; null where its opset has no sequences. */
export function withStopOutput(model: ModelProto): Uint8Array | null {
  const { graph, opsetImport = [] } = model;
  const opset = opsetImport.find(({ domain }) => (domain ?? "") === "")?.version ?? 0;
  if (graph === undefined || opset < firstOpset) return null;
  const stop = { name: stopOutput, type: { sequenceType: { elemType: { tensorType: { elemType: 1 } } } } };
  const node = { opType: "SequenceEmpty", name: stopOutput, output: [stopOutput] };
  const changed = { ...model, graph: { ...graph, node: [...(graph.node ?? []), node], output: [stop, ...(graph.output ?? [])] } };
  return encodeModelProto(newWriter(), changed).finish();
}
