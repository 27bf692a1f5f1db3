/**
 * Streams of random words, the same on every machine: xoshiro128++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * ACM TOMS 2021), whose first state is Philox's answer to the stream's key.
 */
import { type Key, philox } from "./philox.ts";

/** Where a stream stands: four words that are not all zero. */
export type Stream = Int32Array;

/** A stream at its beginning. */
export const streamOf = (key: Key): Stream => Int32Array.from(philox([0, 0, 0, 0], key));

/** Fills an array with the next words of a stream. The state is in scalars: this is the inner loop of every initialisation. */
export function fillWords(stream: Stream, out: Int32Array): void {
  let [s0, s1, s2, s3] = [stream[0] ?? 0, stream[1] ?? 0, stream[2] ?? 0, stream[3] ?? 0];
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
  stream.set([s0, s1, s2, s3]);
}

/** The words of a stream one at a time, each from 0 to 2^32 - 1; some are drawn ahead. */
export function wordsOf(stream: Stream): () => number {
  const words = new Int32Array(64);
  let at = words.length;
  return () => {
    if (at === words.length) {
      fillWords(stream, words);
      at = 0;
    }
    return (words[at++] ?? 0) >>> 0;
  };
}

/** How many words are drawn at a time: what fits into a processor's first cache. */
export const chunk = 1024;
/** A word as a number in (0, 1): 32 random bits and a half, more than a float32 holds. */
export const uniform = (word: number): number => ((word >>> 0) + 0.5) / 2 ** 32;

/** An array of numbers, which are rounded to its type. */
export type Floats = Float32Array | Float64Array;
/** Fills an array with the next numbers of a key, and gives it back. Numbers come in whole chunks: what the last one has left is not used. */
export type Fill = <A extends Floats>(out: A) => A;

/** Numbers of a key that are uniform in (low, high). */
export function uniformsOf(key: Key, low = 0, high = 1): Fill {
  const stream = streamOf(key);
  const words = new Int32Array(chunk);
  return (out) => {
    for (let at = 0; at < out.length; at += chunk) {
      fillWords(stream, words);
      toUniforms(words, low, high, out.subarray(at, at + chunk));
    }
    return out;
  };
}
function toUniforms(words: Int32Array, low: number, high: number, out: Floats): void {
  const width = high - low;
  for (let k = 0; k < out.length; k++) out[k] = low + width * uniform(words[k] ?? 0);
}
