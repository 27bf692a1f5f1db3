/** PyTorch's operator database: gradient graphs give the vector-Jacobian products that PyTorch computed in float64. */
import { checkGradient, missingParts } from "../support/conformance.ts";
import { conformanceSuite } from "../support/conformance-suite.ts";
import { gradientRows } from "../support/packs.ts";

conformanceSuite("gradients", gradientRows(), missingParts, checkGradient);
