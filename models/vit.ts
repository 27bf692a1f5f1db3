/**
 * Vision transformer (Dosovitskiy et al. 2020, "An image is worth 16x16 words: transformers for image recognition at scale",
 * arXiv:2010.11929), in torchvision's structure.
 *
 * Parameters at 1000 classes, and multiply-adds at 224x224, attention's two products included: vitB16 86,567,656 and
 * 17,563,828,224; vitB32 88,224,232 and 4,409,186,304; vitL16 304,326,632 and 61,554,712,576; vitL32 306,535,400 and
 * 15,377,539,072.
 */
import {
  add,
  concat,
  conv2d,
  defineModel,
  dropout,
  expand,
  flatten,
  gelu,
  init,
  layerNorm,
  linear,
  multiHeadAttention,
  parameter,
  scope,
  select,
  type Tensor,
  transpose,
  withDefaults,
} from "striate";

/** What a vision transformer can be built for. */
export interface VitOptions<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images, a multiple of the patch size. */
  readonly imageSize?: Z;
  /** Height and width of a patch. */
  readonly patchSize?: number;
  readonly numLayers?: number;
  readonly numHeads?: number;
  /** Features of a token. */
  readonly hiddenDim?: number;
  /** Features inside the feed-forward blocks. */
  readonly mlpDim?: number;
  /** The probability of dropout. */
  readonly dropout?: number;
}

const defaults = {
  numClasses: 1000,
  inChannels: 3,
  imageSize: 224,
  patchSize: 16,
  numLayers: 12,
  numHeads: 12,
  hiddenDim: 768,
  mlpDim: 3072,
  dropout: 0,
} as const;

const eps = 1e-6;
type Tokens = Tensor<["N", number, number]>;

/** A feed-forward block: a wider layer, gelu, and back. */
function mlp<S>(x: Tensor<S>, hiddenDim: number, mlpDim: number, p: number) {
  const weights = { weight: init.xavierUniform(), bias: init.normal({ std: 1e-6 }) };
  const y = dropout(gelu(linear(x, { outFeatures: mlpDim, init: weights, name: "mlp.0" })), p);
  return dropout(linear(y, { outFeatures: hiddenDim, init: weights, name: "mlp.3" }), p);
}
/** Attention and a feed-forward block, each behind a layer normalisation and beside a shortcut. */
function encoderBlock(x: Tokens, hiddenDim: number, mlpDim: number, numHeads: number, p: number): Tokens {
  const a = layerNorm(x, { eps, name: "ln_1" });
  const b = add(dropout(multiHeadAttention(a, a, a, { numHeads, name: "self_attention" }), p), x);
  return add(b, mlp(layerNorm(b, { eps, name: "ln_2" }), hiddenDim, mlpDim, p));
}

/** A vision transformer: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
export function vit<K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VitOptions<K, C, Z> = {}) {
  const {
    numClasses,
    inChannels,
    imageSize,
    patchSize,
    numLayers,
    numHeads,
    hiddenDim,
    mlpDim,
    dropout: p,
  } = withDefaults(options, defaults);
  const length = (imageSize / patchSize) ** 2 + 1;
  const fanIn = inChannels * patchSize ** 2;
  const patchInit = { weight: init.truncNormal({ std: Math.sqrt(1 / fanIn) }), bias: init.zeros() };
  return defineModel({
    name: "ViT",
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const image: Tensor<["N", number, number, number]> = input;
      const patches = conv2d(image, {
        outChannels: hiddenDim,
        kernelSize: patchSize,
        stride: patchSize,
        init: patchInit,
        name: "conv_proj",
      });
      const token = expand(parameter("class_token", [1, 1, hiddenDim], { init: init.zeros() }), ["N", 1, hiddenDim]);
      const tokens: Tokens = concat([token, transpose(flatten(patches, 2), 1, 2)], 1);
      const encoded = scope("encoder", () => {
        const position = parameter("pos_embedding", [1, length, hiddenDim], { init: init.normal({ std: 0.02 }) });
        let x: Tokens = dropout(add(tokens, position), p);
        for (let i = 0; i < numLayers; i++) {
          const y = x;
          x = scope(`layers.encoder_layer_${i}`, () => encoderBlock(y, hiddenDim, mlpDim, numHeads, p));
        }
        return layerNorm(x, { eps, name: "ln" });
      });
      const head = { weight: init.zeros(), bias: init.zeros() };
      return { logits: linear(select(encoded, 1, 0), { outFeatures: numClasses, init: head, name: "heads.head" }) };
    },
  });
}

/** What a vision transformer of a size from the paper can be built for. */
type SizedOptions<K extends number, C extends number, Z extends number> = Pick<
  VitOptions<K, C, Z>,
  "numClasses" | "inChannels" | "imageSize" | "dropout"
>;
/** Table 1 of the paper. */
const large = { numLayers: 24, numHeads: 16, hiddenDim: 1024, mlpDim: 4096 } as const;

/** ViT-B/16. */
export const vitB16 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: SizedOptions<K, C, Z> = {}) =>
  vit<K, C, Z>(options);
/** ViT-B/32. */
export const vitB32 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: SizedOptions<K, C, Z> = {}) =>
  vit<K, C, Z>({ ...options, patchSize: 32 });
/** ViT-L/16. */
export const vitL16 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: SizedOptions<K, C, Z> = {}) =>
  vit<K, C, Z>({ ...options, ...large });
/** ViT-L/32. */
export const vitL32 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: SizedOptions<K, C, Z> = {}) =>
  vit<K, C, Z>({ ...options, ...large, patchSize: 32 });

export default vitB16;
