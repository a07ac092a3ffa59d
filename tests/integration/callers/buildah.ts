/** What buildah does with a runtime. */
import { writeFileSync } from "node:fs";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { program } from "../../support/skip.ts";
import { Host, same } from "./host.ts";
import type { Caller, Scenario } from "./scenario.ts";

type Buildah = { readonly host: Host; readonly image: string; ok(...args: string[]): Promise<string> };

/** How buildah is told to use a runtime at all: otherwise it isolates by itself (chroot) or not. */
const how = (host: Host, runtime: string): string[] => [
  host.root ? "--isolation=oci" : "--isolation=rootless",
  `--runtime=${runtime}`,
];

const scenarios: Record<string, (buildah: Buildah, how: readonly string[]) => Promise<void>> = {
  "run gives back output and exit status": async ({ host, image, ok }, how) => {
    const container = (await ok("from", "--pull-never=false", image)).trim().split("\n").at(-1) ?? "";
    same(await ok("run", ...how, container, "--", "sh", "-c", "echo hi; id -u"), "hi\n0\n", "output");
    await ok("run", ...how, "--user=1000:1000", container, "--", "sh", "-c", "test $(id -u) = 1000");
    const failed = await host.run(command(host, "run", ...how, container, "--", "sh", "-c", "exit 7"));
    same(failed.exitCode, 7, "exit status");
  },
  "bud runs the steps of a Containerfile": async ({ host, image, ok }, how) => {
    const containerfile = `FROM ${image}\nRUN echo made > /made && mkdir /folder\nRUN test -d /folder && cat /made\nUSER 1000\nRUN test $(id -u) = 1000\n`;
    writeFileSync(host.folder.join("Containerfile"), containerfile);
    const shown = await ok(
      "bud",
      ...how,

      "--tag=built",
      "--file",
      host.folder.join("Containerfile"),
      host.folder.join("home"),
    );
    if (!shown.includes("made\n")) throw new Error(`the steps did not run: ${shown}`);
    const container = (await ok("from", "localhost/built")).trim().split("\n").at(-1) ?? "";
    same(await ok("run", ...how, container, "--", "cat", "/made"), "made\n", "what was built");
  },
};

function command(host: Host, ...args: string[]): string[] {
  const { folder } = host;
  const roots = ["--root", folder.join("storage"), "--runroot", folder.join("run/storage"), "--storage-driver=overlay"];
  return ["buildah", "--log-level=error", ...roots, ...args];
}

const toScenario = ([name, body]: [string, (typeof scenarios)[string]]): Scenario => ({
  name,
  run: async (runtime, place) => {
    await using host = await Host.make(place);
    const image = writeBusyboxLayout(host.folder.join("image"));
    try {
      await body({ host, image, ok: (...args) => host.ok(command(host, ...args)) }, how(host, runtime));
    } finally {
      await host.run(command(host, "rm", "--all"));
    }
  },
});

export const buildah: Caller = {
  name: "buildah",
  needs: [program("buildah"), busybox],
  scenarios: Object.entries(scenarios).map(toScenario),
};
