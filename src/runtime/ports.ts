/** A session's inputs and outputs, from what onnxruntime-node says of them. */
import type ort from "onnxruntime-node";
import { userError } from "../ir/diagnostic.ts";
import { isDType } from "../ir/dtype.ts";
import { printType } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { type ModelSource, readModelProto } from "./source-map.ts";
import type { Port, TensorHandle } from "./tensor-handle.ts";

/** The ports of a list of metadata. */
export const portsOf = (metadata: readonly ort.InferenceSession.ValueMetadata[]): readonly Port[] =>
  metadata.map((value) => {
    if (!value.isTensor) return { name: value.name, dtype: null, shape: null, description: "no tensor" };
    const { name, type, shape } = value;
    const printed = `[${shape.map((dim) => (dim === "" ? "?" : dim)).join(", ")}]`;
    return { name, dtype: isDType(type) ? type : null, shape, description: `${type}${printed}` };
  });

/**
 * The ports with an open rank where the model gives no shape. onnxruntime-node says [] both for a scalar and for an input without a
 * shape; the model's file tells them apart.
 */
export function withOpenRanks(ports: readonly Port[], model: ModelSource): readonly Port[] {
  const declared = new Map((readModelProto(model)?.graph?.input ?? []).map((input) => [input.name, input.type?.tensorType]));
  return ports.map((port) => {
    const type = declared.get(port.name);
    const open = port.shape?.length === 0 && type !== undefined && type.shape === undefined;
    return open ? { ...port, shape: null, description: `${port.dtype} of any shape` } : port;
  });
}

/** Whether tensors can take outputs. Throws a CompileError on a wrong name, dtype, rank or size. */
export function checkBoundOutputs(ports: readonly Port[], outputs: Readonly<Record<string, TensorHandle>>): void {
  for (const [name, handle] of Object.entries(outputs)) {
    const port = ports.find((output) => output.name === name);
    if (port === undefined) throw userError("output-name", `the model has no output "${name}"`, nowhere);
    const { shape } = port;
    const fits = port.dtype === handle.dtype && shape?.length === handle.shape.length;
    if (!fits || shape.some((dim, i) => typeof dim === "number" && dim !== handle.shape[i])) {
      throw userError("output-shape", `output "${name}" is ${port.description}, its tensor is ${printType(handle)}`, nowhere);
    }
  }
}
