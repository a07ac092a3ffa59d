/**
 * Podman and buildah of Debian's next release, called by root and by a user, with tsbox as their runtime.
 * `callers/main.ts --newest` shows the same with any runtime.
 */
import { describe } from "bun:test";
import { machine } from "../integration/callers/machine.ts";
import { NEWEST } from "../integration/callers/newest.ts";
import { busybox } from "../support/busybox-image.ts";
import { newestDebian, newestDebianIsHad } from "../support/newest-debian.ts";
import { runtimeCommand } from "../support/runtime-command.ts";
import { executable, program, requires, root } from "../support/skip.ts";
import { TSBOX } from "../support/tsbox.ts";

const needed = [root, program("mmdebstrap"), newestDebianIsHad, busybox, executable, runtimeCommand];

for (const asRoot of [false, true]) {
  describe(asRoot ? "called by root" : "called by a user", () => {
    for (const { name, scenarios } of NEWEST) {
      describe(`${name} of Debian's next release with tsbox as its runtime`, () => {
        for (const scenario of scenarios) {
          const body = () => scenario.run("/usr/local/bin/tsbox", machine(newestDebian(), TSBOX, asRoot));
          requires(...needed)(scenario.name, body, 120_000);
        }
      });
    }
  });
}
