/** ONNX's own backend tests: what striate reads, it writes again, and onnxruntime gets the expected outputs from that. */
import { checkBackend, missingParts } from "../support/conformance.ts";
import { conformanceSuite } from "../support/conformance-suite.ts";
import { backendRows } from "../support/packs.ts";

conformanceSuite("backend", backendRows(), missingParts, checkBackend);
