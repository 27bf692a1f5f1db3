/** ONNX's tests of shape inference: the expected types come out, and what must be refused is. */
import { checkShapes, missingShapeParts } from "../support/conformance.ts";
import { conformanceSuite } from "../support/conformance-suite.ts";
import { shapeRows } from "../support/packs.ts";

conformanceSuite("shape-inference", shapeRows(), missingShapeParts, checkShapes);
