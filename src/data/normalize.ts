/** From bytes of pixels to the numbers that a network is fed. */
import type { TensorData } from "../ir/tensor-data.ts";
import type { Transform } from "./dataset.ts";

/** The mean and standard deviation of each channel, on the scale from 0 to 1; one number serves all channels. */
export interface ChannelStatistics {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
}

/** The statistics of MNIST's training images, as PyTorch's examples use them. */
export const mnistStatistics: ChannelStatistics = { mean: 0.1307, std: 0.3081 };
/** The statistics of ImageNet's training images, as torchvision's models expect them. */
export const imagenetStatistics: ChannelStatistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const channelValues = (values: number | readonly number[], channels: number, what: string): readonly number[] => {
  const list = typeof values === "number" ? [values] : values;
  if (list.length !== 1 && list.length !== channels) {
    throw new RangeError(`normalize: ${what} has ${list.length} numbers, but the images have ${channels} channels`);
  }
  return Array.from({ length: channels }, (_, c) => list[c] ?? list[0] ?? Number.NaN);
};

/** Pixels uint8[N, C, ...] as float32: (pixel / 255 - mean) / std, channel by channel, as torchvision's ToTensor and Normalize. */
export function normalize(statistics: ChannelStatistics): Transform {
  const deviations = typeof statistics.std === "number" ? [statistics.std] : statistics.std;
  if (deviations.some((std) => !(std > 0))) throw new RangeError(`normalize: std must be positive, not ${deviations.join(", ")}`);
  return {
    field({ dtype, shape }) {
      if (dtype !== "uint8") throw new RangeError(`normalize: pixels must be uint8, not ${dtype}`);
      channelValues(statistics.mean, shape[0] ?? 0, "mean");
      channelValues(statistics.std, shape[0] ?? 0, "std");
      return { dtype: "float32", shape };
    },
    apply: (batch) => ({ dtype: "float32", shape: batch.shape, data: normalized(batch, statistics) }),
  };
}

function normalized({ data, shape }: TensorData, { mean, std }: ChannelStatistics): Float32Array {
  if (!(data instanceof Uint8Array)) throw new RangeError("normalize: pixels must be uint8");
  const [n = 0, c = 0, ...area] = shape;
  const size = area.reduce((product, d) => product * d, 1);
  const tables = channelTables(channelValues(mean, c, "mean"), channelValues(std, c, "std"));
  const out = new Float32Array(data.length);
  for (let plane = 0; plane < n * c; plane++) {
    const table = tables[plane % c];
    if (table === undefined) continue;
    for (let i = plane * size; i < (plane + 1) * size; i++) out[i] = table[data[i] ?? 0] ?? 0;
  }
  return out;
}
/** Per channel, what each of the 256 pixel values becomes. */
const channelTables = (means: readonly number[], deviations: readonly number[]): readonly Float32Array[] =>
  means.map((mean, c) => Float32Array.from({ length: 256 }, (_, pixel) => (pixel / 255 - mean) / (deviations[c] ?? 1)));
