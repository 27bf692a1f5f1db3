/** What this machine can do at most, measured in a second: the two roofs of the roofline model (Williams, Waterman and Patterson 2009). */
import { defaultOpset } from "../codegen/index.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { InternalError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { tensorFrom } from "../ir/tensor-data.ts";
import { profileModel } from "./profile-model.ts";
import type { SessionOptions } from "./session-options.ts";

/** The roofs, through onnxruntime's own kernels and threads. */
export interface MachineRoofs {
  /** float32 operations per second of a large matrix product; a multiply-add is two. */
  readonly flops: number;
  /** Bytes per second of an elementwise op over more than the caches hold: what it reads and what it writes. */
  readonly bandwidth: number;
}

/** The product of two matrices of this many rows and columns. */
const matrix = 1024;
/** Floats in the tensor that is gone through: 32 MiB. */
const length = 2 ** 23;
const float = 4;
const runs = 5;

/** Measures the roofs: medians over five runs, for the bandwidth that of the better of two kernels. */
export async function measureRoofs(session: Pick<SessionOptions, "intraOpThreads"> = {}): Promise<MachineRoofs> {
  const feeds = {
    x: tensorFrom(
      "float32",
      [matrix, matrix],
      Array.from({ length: matrix ** 2 }, (_, i) => (i % 13) - 6),
    ),
  };
  const { kernels } = await profileModel(roofGraph(), { opset: defaultOpset, feeds, runs, warmup: 1, session });
  const median = (name: string): number => {
    const times = kernels.find(({ main }) => main?.name === name)?.times ?? [];
    const value = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
    if (value === undefined || value <= 0) throw new InternalError(`the kernel "${name}" has no time`);
    return value / 1e6;
  };
  return {
    flops: (2 * matrix ** 3) / median("product"),
    // The sum reads one tensor twice, which comes from memory once.
    bandwidth: Math.max(...["relu", "sum"].map((name) => (2 * float * length) / median(name))),
  };
}

/** A matrix product with a constant, whose result is the input of two passes over a large tensor. */
function roofGraph(): Graph {
  const b = new GraphBuilder("roofs");
  const x = b.input("x", { dtype: "float32", shape: [matrix, matrix] });
  const weights = tensorFrom(
    "float32",
    [matrix, matrix],
    Array.from({ length: matrix ** 2 }, (_, i) => ((i % 17) - 8) / 1024),
  );
  const product = b.add("MatMul", [x, b.initializer("w", weights)], {}, { name: "product" });
  const seed = b.add("ReduceMax", [product], { keepdims: 0 });
  const large = b.add("Expand", [seed, b.constant("int64", [length])]);
  const relu = b.add("Relu", [large], {}, { name: "relu" });
  const sum = b.add("Add", [relu, relu], {}, { name: "sum" });
  b.output(b.add("ReduceMax", [sum], { keepdims: 0 }), "y");
  return b.build();
}
