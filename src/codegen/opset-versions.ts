/** Which version of the file format came with which version of the operator set (ONNX, docs/Versioning.md). */
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";

/** The newest opset of ai.onnx that files are read and written in. */
export const newestOpset = 26;
/** The oldest opset that files are written in. */
export const oldestWrittenOpset = 7;
/** The opset that is written unless another is asked for: no op that striate emits lacks a kernel there, on the CPU and on CUDA. */
export const defaultOpset = 18;

/** The first opset of each version of the file format, newest first. */
const irVersions: readonly (readonly [opset: number, irVersion: number])[] = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [12, 7],
  [11, 6],
  [10, 5],
  [9, 4],
  [1, 3],
];

/** The version of the file format for an opset. Throws a CompileError when no file can be written in that opset. */
export function irVersionOf(opset: number): number {
  const found =
    Number.isInteger(opset) && opset >= oldestWrittenOpset && opset <= newestOpset
      ? irVersions.find(([first]) => first <= opset)
      : undefined;
  if (found === undefined) {
    throw userError(
      "opset",
      `opset ${opset} cannot be written: models are written in opset ${oldestWrittenOpset} to ${newestOpset}`,
      nowhere,
      {
        help: `leave the opset out for ${defaultOpset}, which every op that striate emits has kernels for`,
      },
    );
  }
  return found[1];
}
