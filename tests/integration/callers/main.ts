/**
 * Shows what callers do with any runtime: `bun tests/integration/callers/main.ts --runtime PATH [CALLER]...`, as root or not.
 */
import { CALLERS } from "./callers.ts";

const words = process.argv.slice(2);
const at = words.indexOf("--runtime");
const runtime = words[at + 1];
if (at < 0 || runtime === undefined) throw new Error("--runtime PATH is missing");
const path = Bun.which(runtime) ?? runtime;
const only = words.filter((_, index) => index !== at && index !== at + 1);
let failed = 0;
for (const { name, needs, scenarios } of CALLERS) {
  if (only.length > 0 && !only.includes(name)) continue;
  for (const scenario of scenarios) {
    const missing = [...needs, ...(scenario.needs ?? [])].filter(({ met }) => !met());
    if (missing.length > 0) {
      console.log(`skip  ${name}: ${scenario.name}: needs ${missing.map(({ what }) => what).join(", ")}`);
      continue;
    }
    try {
      await scenario.run(path);
      console.log(`pass  ${name}: ${scenario.name}`);
    } catch (error) {
      failed++;
      console.log(`fail  ${name}: ${scenario.name}\n      ${error instanceof Error ? error.message : error}`);
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;
