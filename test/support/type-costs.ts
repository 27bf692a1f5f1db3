/** The networks that the type checker is measured on, and what each is known to cost. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
/** The networks' files. */
export const networks = {
  resnet50: join(root, "bench/types/resnet50.ts"),
  resnet152: join(root, "bench/types/resnet152.ts"),
  "inception-v3": join(root, "models/inception-v3.ts"),
  unet: join(root, "bench/types/unet.ts"),
  "vit-b16": join(root, "bench/types/vit-b16.ts"),
  googlenet: join(root, "models/googlenet.ts"),
  "feature-pyramid": join(root, "bench/types/fpn.ts"),
} as const;
/** The compilers that check them. */
export const compilers = ["typescript", "typescript6"] as const;
/** Instantiations by compiler and network. */
export type TypeCosts = Readonly<Record<string, Readonly<Record<string, number>>>>;
/** Where they are recorded. */
export const costFile = join(root, "bench/types.json");
/** The recorded instantiations. */
export const recordedCosts = (): TypeCosts => JSON.parse(readFileSync(costFile, "utf8"));
