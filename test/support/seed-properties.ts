/** Properties draw anew on every run of a developer's; what is landed is tried with one seed, so that chance decides nothing there. */
import fc from "fast-check";

if (process.env["CI"] !== undefined) fc.configureGlobal({ seed: 20_261_129 });
