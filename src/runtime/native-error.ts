/** What onnxruntime throws, as an error with the user's line. */
import { type CompileError, isCompileError, userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { Locate } from "./source-map.ts";

/** How onnxruntime's messages name a node. */
const nodeNames = [
  /Name:'([^']*)'/,
  /with node name '([^']*)'/,
  /In Node, \("([^"]*)"/,
  /Node ?\(([^)]*)\) Op/,
  /of node '([^']*)'/,
  /[Nn]ode:([^ ]+) /,
];

/** The name of the node that a message is about, or null. */
function nodeInMessage(message: string): string | null {
  for (const pattern of nodeNames) {
    const name = pattern.exec(message)?.[1];
    if (name !== undefined && name !== "") return name;
  }
  return null;
}

/** The error for a user: the runtime's own words, without its source paths, at the line that made the node. */
export function nativeError(error: unknown, doing: string, locate: Locate): CompileError {
  if (isCompileError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const node = nodeInMessage(message);
  const location = node === null ? null : locate(node);
  return userError("onnxruntime", `${doing}: ${tidy(message)}`, location ?? nowhere);
}

/** One line, without the C++ file, function and error number before what is meant. */
const tidy = (message: string): string =>
  message
    .replaceAll(/\S*\/onnxruntime_src\/\S+:\d+ [^[]*\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : /g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
