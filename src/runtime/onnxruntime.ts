/** The one place that loads onnxruntime-node. */
import { createRequire } from "node:module";
import type ort from "onnxruntime-node";

const require = createRequire(import.meta.url);

/**
 * onnxruntime-node, from the first call on: its native library takes a good part of the time that all of this package takes to load, and
 * whoever only writes, checks or compiles models runs none.
 */
export const onnxruntime = (): typeof ort => require("onnxruntime-node");
