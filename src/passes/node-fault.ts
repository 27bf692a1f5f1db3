/** Faults that an op's record finds while a pass asks it about a node. */
import { userError } from "../ir/diagnostic.ts";
import { type Node, printType } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { RuleFault } from "../ir/op-schema.ts";

/** Asks a record something; a RuleFault becomes a CompileError that names the node, the user's line and the node's inputs. */
export function askRecord<R>(node: Node, task: string, ask: () => R): R {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    const notes = node.inputs.flatMap((v) =>
      v === null ? [] : [{ message: `input "${v.name}" is ${printType(v.type)}`, location: v.producer?.location ?? nowhere }],
    );
    const help = error.help === undefined ? {} : { help: error.help };
    throw userError(error.code, `${task} of ${node.opType} "${node.name}": ${error.message}`, node.location, { notes, ...help });
  }
}
