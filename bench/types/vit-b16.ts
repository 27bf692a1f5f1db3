/** ViT-B/16 with its attention written by hand and its blocks written out, its sizes exact: what the type checker is measured on. */
import {
  add,
  concat,
  conv2d,
  defineModel,
  expand,
  expectShape,
  flatten,
  gelu,
  layerNorm,
  linear,
  matmul,
  mul,
  parameter,
  permute,
  reshape,
  scope,
  select,
  softmax,
  type Tensor,
  transpose,
} from "striate";

type Tokens = Tensor<["N", 197, 768]>;
const heads = (x: Tokens, name: string) => permute(reshape(linear(x, { outFeatures: 768, name }), ["N", 197, 12, 64]), [0, 2, 1, 3]);
function attention(x: Tokens) {
  const [q, k, v] = [heads(x, "query"), heads(x, "key"), heads(x, "value")];
  const weights = softmax(mul(matmul(q, transpose(k, 2, 3)), 0.125), -1);
  expectShape(weights, ["N", 12, 197, 197]);
  return linear(reshape(permute(matmul(weights, v), [0, 2, 1, 3]), ["N", 197, 768]), { inFeatures: 768, outFeatures: 768, name: "out" });
}
function block(x: Tokens) {
  const y = add(attention(layerNorm(x, { normalizedShape: 768, name: "ln_1" })), x);
  const z = gelu(linear(layerNorm(y, { normalizedShape: 768, name: "ln_2" }), { outFeatures: 3072, name: "mlp.0" }));
  return add(linear(z, { inFeatures: 3072, outFeatures: 768, name: "mlp.3" }), y);
}

export default defineModel({
  name: "ViT-B/16",
  inputs: { input: ["N", 3, 224, 224] },
  forward({ input }) {
    const patches = conv2d(input, { outChannels: 768, kernelSize: 16, stride: 16, name: "conv_proj" });
    const token = expand(parameter("class_token", [1, 1, 768]), ["N", 1, 768]);
    const tokens = concat([token, transpose(flatten(patches, 2), 1, 2)], 1);
    expectShape(tokens, ["N", 197, 768]);
    const x0 = add(tokens, parameter("encoder.pos_embedding", [1, 197, 768]));
    const x1 = scope("encoder.layers.encoder_layer_0", () => block(x0));
    const x2 = scope("encoder.layers.encoder_layer_1", () => block(x1));
    const x3 = scope("encoder.layers.encoder_layer_2", () => block(x2));
    const x4 = scope("encoder.layers.encoder_layer_3", () => block(x3));
    const x5 = scope("encoder.layers.encoder_layer_4", () => block(x4));
    const x6 = scope("encoder.layers.encoder_layer_5", () => block(x5));
    const x7 = scope("encoder.layers.encoder_layer_6", () => block(x6));
    const x8 = scope("encoder.layers.encoder_layer_7", () => block(x7));
    const x9 = scope("encoder.layers.encoder_layer_8", () => block(x8));
    const x10 = scope("encoder.layers.encoder_layer_9", () => block(x9));
    const x11 = scope("encoder.layers.encoder_layer_10", () => block(x10));
    const x12 = scope("encoder.layers.encoder_layer_11", () => block(x11));
    const logits = linear(select(layerNorm(x12, { name: "encoder.ln" }), 1, 0), { outFeatures: 1000, name: "heads.head" });
    expectShape(logits, ["N", 1000]);
    return { logits };
  },
});
