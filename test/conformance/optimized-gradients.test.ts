/** The gradients pack's models through every optimising pass give the expected gradients. */
import { checkGradient } from "../support/conformance.ts";
import { optimizedSuite } from "../support/optimized-suite.ts";
import { gradientRows } from "../support/packs.ts";

optimizedSuite("gradients", gradientRows(), checkGradient);
