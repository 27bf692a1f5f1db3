import { keyOf } from "../random/philox.ts";
import { streamOf, wordsOf } from "../random/stream.ts";

/** What an order is drawn for: two purposes have independent ones. */
export type Purpose = "shuffle" | "split";

/** The order of n things: a permutation of 0 to n - 1 that depends on the seed, the epoch and the purpose alone (Fisher-Yates). */
export function permutation(n: number, seed: number, epoch: number, purpose: Purpose = "shuffle"): Uint32Array {
  const word = wordsOf(streamOf(keyOf(seed, `${purpose} ${epoch}`)));
  // Words at or above the largest multiple of the bound are drawn again, so that no position is favoured.
  const below = (bound: number): number => {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let drawn = word();
    while (drawn >= limit) drawn = word();
    return drawn % bound;
  };
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1);
    const [a = 0, b = 0] = [order[i], order[j]];
    order[i] = b;
    order[j] = a;
  }
  return order;
}
