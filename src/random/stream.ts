/**
 * Streams of random words, the same on every machine: xoshiro128++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * ACM TOMS 2021), whose first state is Philox's answer to the stream's key.
 */
import { type Key, philox } from "./philox.ts";

/** Where a stream stands: four words that are not all zero. */
export type Stream = Uint32Array;

/** A stream at its beginning. */
export const streamOf = (key: Key): Stream => Uint32Array.from(philox([0, 0, 0, 0], key));

/** Fills an array with the next words of a stream. The state is in scalars: this is the inner loop of every initialisation. */
export function fillWords(stream: Stream, out: Uint32Array): void {
  let [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = stream;
  for (let i = 0; i < out.length; i++) {
    const sum = (s0 + s3) | 0;
    out[i] = ((sum << 7) | (sum >>> 25)) + s0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = (s3 << 11) | (s3 >>> 21);
  }
  stream[0] = s0;
  stream[1] = s1;
  stream[2] = s2;
  stream[3] = s3;
}

/** The words of a stream one at a time; some are drawn ahead. */
export function wordsOf(stream: Stream): () => number {
  const out = new Uint32Array(64);
  let at = out.length;
  return () => {
    if (at === out.length) {
      fillWords(stream, out);
      at = 0;
    }
    return out[at++] ?? 0;
  };
}

/** How many numbers are drawn at a time: what fits into a processor's first cache. */
export const chunk = 1024;
/** A word as a number in (0, 1): 32 random bits and a half, more than a float32 holds. */
export const uniform = (word: number): number => (word + 0.5) / 2 ** 32;

/** Numbers of a stream from number `at` on. The array is the caller's until the next one. */
export interface Chunk {
  readonly at: number;
  readonly values: Float64Array;
}
/** The first n numbers of a key that are uniform in (0, 1), in order and many at a time. */
export function* uniformsOf(key: Key, n: number): Iterable<Chunk> {
  const stream = streamOf(key);
  const words = new Uint32Array(chunk);
  const values = new Float64Array(chunk);
  for (let at = 0; at < n; at += chunk) {
    fillWords(stream, words);
    for (let k = 0; k < chunk; k++) values[k] = uniform(words[k] ?? 0);
    yield { at, values: values.subarray(0, n - at) };
  }
}
