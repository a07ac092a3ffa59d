/**
 * Shows what callers do with any runtime: `bun tests/integration/callers/main.ts --runtime PATH [CALLER]...`, as root or not.
 * With `--newest root` or `--newest user`, podman and buildah of Debian's next release do it, and a runtime without a slash is theirs.
 */
import { newestDebian } from "../../support/newest-debian.ts";
import { CALLERS } from "./callers.ts";
import { machine } from "./machine.ts";
import { NEWEST } from "./newest.ts";
import { here } from "./place.ts";

const words = process.argv.slice(2);
const option = (name: string): string | undefined => {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words.splice(at, 2)[1];
};
const runtime = option("--runtime");
const who = option("--newest");
const match = option("--match") ?? "";
if (runtime === undefined) throw new Error("--runtime PATH is missing");
const place = who === undefined ? here : machine(newestDebian(), Bun.which(runtime) ?? runtime, who === "root");
const path =
  who === undefined ? (Bun.which(runtime) ?? runtime) : runtime.includes("/") ? "/usr/local/bin/tsbox" : runtime;
let failed = 0;
for (const { name, needs, scenarios } of who === undefined ? CALLERS : NEWEST) {
  if (words.length > 0 && !words.includes(name)) continue;
  for (const scenario of scenarios) {
    if (!scenario.name.includes(match)) continue;
    const needed = who === undefined ? [...needs, ...(scenario.needs ?? [])] : [];
    const missing = needed.filter(({ met }) => !met());
    if (missing.length > 0) {
      console.log(`skip  ${name}: ${scenario.name}: needs ${missing.map(({ what }) => what).join(", ")}`);
      continue;
    }
    const begin = Date.now();
    try {
      await scenario.run(path, place);
      console.log(`pass  ${name}: ${scenario.name} (${Date.now() - begin} ms)`);
    } catch (error) {
      failed++;
      console.log(`fail  ${name}: ${scenario.name}\n      ${error instanceof Error ? error.message : error}`);
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;
