/** What runtime-spec has and tsbox has not. */
import { TsboxError } from "../error.ts";
import type { RuntimeConfig } from "../oci/index.ts";

/** What runtime-spec has and this compiler does not carry out yet is refused by name, never ignored. */
export function refuseUnbuilt(config: RuntimeConfig): void {
  const linux = config.linux ?? {};
  const unbuilt: [string, unknown][] = [["linux.intelRdt", linux.intelRdt]];
  for (const [field, value] of unbuilt) {
    if (value) throw new TsboxError("unsupported", `cannot run: ${field} is not built yet`);
  }
}
