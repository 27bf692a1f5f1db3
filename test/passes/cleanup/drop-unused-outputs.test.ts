import { test } from "vitest";
import { dropUnusedOutputs } from "../../../src/passes/index.ts";
import { expectRewrite } from "../expect-rewrite.ts";

test("positions of maxima, masks and statistics that nobody reads are not computed", async () => {
  await expectRewrite(
    dropUnusedOutputs,
    `G(x: float32[N, 1, 4, 4]) -> (z: float32[N, 1, 3, 3]) {
      s = float32[3] {1, 2, 3}
      %p, %i = MaxPool(x) {kernel_shape = [2, 2]} : float32[N, 1, 3, 3], int64[N, 1, 3, 3]
      %y, %mean, %inverse = LayerNormalization(%p, s) : float32[N, 1, 3, 3], float32[N, 1, 3, 1], float32[N, 1, 3, 1]
      %z = Mul(%y, %inverse) : float32[N, 1, 3, 3]
    }`,
    [
      "%p = MaxPool(x) {kernel_shape = [2, 2]} : float32[N, 1, 3, 3]",
      "%y, _, %inverse = LayerNormalization(%p, s) : float32[N, 1, 3, 3], _, float32[N, 1, 3, 1]",
      "%z = Mul(%y, %inverse) : float32[N, 1, 3, 3]",
    ],
  );
});
