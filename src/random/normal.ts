/**
 * Normal numbers, the same on every machine: of floating point only + - * / and sqrt, which IEEE 754 rounds correctly everywhere.
 * Math.exp, Math.log and their kind may differ in their last bits between engines.
 */
import { exponential, logarithm } from "./elementary.ts";
import type { Key } from "./philox.ts";
import { chunk, type Fill, type Floats, fillWords, streamOf, uniform, wordsOf } from "./stream.ts";

// The ziggurat (Marsaglia and Tsang, "The ziggurat method for generating random variables", 2000; Doornik, "An improved ziggurat method",
// 2005): the area below exp(-x^2 / 2) is covered by layers of equal area, the lowest with the tail. A point of a layer is drawn; 99 of 100
// lie left of the layer above, and thus below the curve.

/** Layers; a word's lowest 8 bits choose one, the other 24 the place in it. */
const layers = 256;
/** Where the tail begins, and the area of a layer. */
const tail = 3.6541528853610088;
const area = 0.00492867323399;
const density = (x: number): number => exponential((x * x) / 2);

/** The right ends of layers from the lowest, a rectangle with the tail's area in it, up to the top of the curve. */
const ends = new Float64Array(layers + 1);
ends.set([area / density(tail), tail]);
for (let i = 2; i < layers; i++) {
  const below = ends[i - 1] ?? 0;
  ends[i] = Math.sqrt(-2 * logarithm(area / below + density(below)));
}
const heights = ends.map(density);
/** A layer's width for each of the numbers that 23 bits can be; and up to which of them all its points lie below the curve. */
const steps = ends.map((end) => end / 2 ** 23);
const insides = Int32Array.from({ length: layers }, (_, i) => Math.floor((ends[i + 1] ?? 0) / (steps[i] ?? 1)) - 1);

/** Normal numbers of a key, of the given mean and standard deviation. */
export function normalsOf(key: Key, mean = 0, std = 1): Fill {
  const stream = streamOf(key);
  const next = wordsOf(stream);
  const words = new Int32Array(chunk);
  return (out) => {
    for (let at = 0; at < out.length; at += chunk) {
      fillWords(stream, words);
      toNormals(words, next, mean, std, out.subarray(at, at + chunk));
    }
    return out;
  };
}
/** Fills an array with a normal number for each word. */
function toNormals(words: Int32Array, next: () => number, mean: number, std: number, out: Floats): void {
  for (let k = 0; k < out.length; k++) {
    const word = words[k] ?? 0;
    const place = word >> 8;
    const layer = word & 0xff;
    // A place and its mirror image lie half a step from 0 or more: that of p is ~p. A sign is a coin's toss, which no branch predicts.
    const isInside = (place ^ (place >> 31)) <= (insides[layer] ?? 0);
    // Two assignments: V8 would make an object of a number that may come from a call.
    if (isInside) out[k] = mean + std * ((place + 0.5) * (steps[layer] ?? 0));
    else out[k] = mean + std * outside(place, layer, next);
  }
}
/** The number of a point that may lie above the curve: then others are drawn. */
function outside(firstPlace: number, firstLayer: number, next: () => number): number {
  let [place, layer] = [firstPlace, firstLayer];
  for (;;) {
    const x = (place + 0.5) * (steps[layer] ?? 0);
    const size = Math.abs(x);
    if (size < (ends[layer + 1] ?? 0)) return x;
    if (layer === 0) return Math.sign(x) * inTail(next);
    const [low = 0, high = 0] = [heights[layer], heights[layer + 1]];
    if (low + (high - low) * uniform(next()) < density(size)) return x;
    const word = next();
    [place, layer] = [(word | 0) >> 8, word & 0xff];
  }
}
/** A number of the tail (Marsaglia, "Generating a variable from the tail of the normal distribution", 1964). */
function inTail(next: () => number): number {
  for (;;) {
    const x = -logarithm(uniform(next())) / tail;
    const y = -logarithm(uniform(next()));
    if (2 * y > x * x) return tail + x;
  }
}
