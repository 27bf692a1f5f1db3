/** Removes inputs of the graph that nothing depends on, for those who ask: inputs are the graph's interface. */
import { nowhere } from "../../ir/location.ts";
import { type Pass, readersOf, unchanged } from "../rewrite.ts";
import { eliminateDeadCode } from "./dead-code-elimination.ts";

/** The graph without dead code, and without inputs that no output depends on. An input that is an output as well stays. */
export const dropUnusedInputs: Pass = (graph, control) => {
  const { graph: live, applied } = eliminateDeadCode(graph);
  const readers = readersOf(live);
  const unused = live.inputs.filter((v) => !readers.has(v) && !live.outputs.includes(v));
  const dropped = unused
    .map(({ name }) => ({ rule: "unused-input", node: name, location: nowhere }))
    .filter((change) => control?.accept?.(change) ?? true);
  if (dropped.length === 0 && live === graph) return unchanged(graph);
  const names = new Set(dropped.map(({ node }) => node));
  return { graph: { ...live, inputs: live.inputs.filter(({ name }) => !names.has(name)) }, applied: [...applied, ...dropped], skipped: [] };
};
