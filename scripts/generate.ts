/** Writes the files that are derived from data: `npm run generate`. */
import { writeFileSync } from "node:fs";
import { generateProto } from "../src/codegen/proto/generate-proto.ts";
import { generateArith } from "../src/codegen/schemas/generate-arith.ts";
import { generateOnnxSchemas } from "../src/codegen/schemas/generate-onnx-schemas.ts";

writeFileSync(new URL("../src/ir/onnx-schemas.generated.ts", import.meta.url), generateOnnxSchemas());
writeFileSync(new URL("../src/codegen/proto/onnx.generated.ts", import.meta.url), generateProto());
writeFileSync(new URL("../src/dsl/arith.generated.ts", import.meta.url), generateArith());
