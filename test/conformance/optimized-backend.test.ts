/** The backend pack's models through every optimising pass give the expected outputs. */
import { checkBackend } from "../support/conformance.ts";
import { optimizedSuite } from "../support/optimized-suite.ts";
import { backendRows } from "../support/packs.ts";

optimizedSuite("backend", backendRows(), checkBackend);
