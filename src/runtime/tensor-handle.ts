/** Tensors where a backend keeps them: what one step hands to the next without passing through JavaScript arrays. */
import type { DType } from "../ir/dtype.ts";
import type { TensorData } from "../ir/tensor-data.ts";

/**
 * A tensor in a backend's own memory, the host's or a device's. It is read and written only through the session that made it or another
 * session of the same backend and place; its contents may change with every run that writes to it.
 */
export interface TensorHandle {
  readonly kind: "handle";
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where it is, such as "cpu" or "cuda:0". */
  readonly place: string;
}
/** What an input can be given: a host tensor, or one that is where the session wants it. */
export type Feed = TensorData | TensorHandle;
/** A feed for each input, by name. */
export type Feeds = Readonly<Record<string, Feed>>;

/** True for a handle. */
export const isHandle = (feed: Feed): feed is TensorHandle => "kind" in feed;

/** An input or output of a session. */
export interface Port {
  readonly name: string;
  /** Null for what JavaScript cannot hold: sequences, and element types without a typed array. */
  readonly dtype: DType | null;
  /** Numbers, names of sizes that must agree wherever they appear, and "" where nothing is said. Null when even the rank is open. */
  readonly shape: readonly (number | string)[] | null;
  /** What it is, for messages, where `dtype` is null: "sequence(tensor(float))", "bfloat16[N, 3]". */
  readonly description: string;
}
