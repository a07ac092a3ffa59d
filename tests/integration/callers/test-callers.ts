/** The scenarios as tests, with tsbox as the runtime. */
import { describe } from "bun:test";
import { namedRuntime, runtimeCommand } from "../../support/runtime-command.ts";
import { executable, requires, root } from "../../support/skip.ts";
import { CALLERS } from "./callers.ts";
import { here } from "./place.ts";

/** Defines a test for each scenario of each caller that is for whoever runs the tests. */
export function testCallers(): void {
  for (const { name, needs, scenarios } of CALLERS) {
    // what only root has is not skipped for others, but is not there: it is tested in the pass of root
    if (needs.includes(root) && !root.met()) continue;
    describe(`${name} with tsbox as its runtime`, () => {
      for (const scenario of scenarios) {
        requires(
          executable,
          runtimeCommand,
          ...needs,
          ...(scenario.needs ?? []),
        )(
          scenario.name,
          async () => {
            // a name that callers know
            using runtime = namedRuntime("runc");
            await scenario.run(runtime.path, here);
          },
          120_000,
        );
      }
    });
  }
}
