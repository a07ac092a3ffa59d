/** Other people's runtimes, where this machine lets them run. */
import { writeBundle } from "./bundle.ts";
import type { Requirement } from "./skip.ts";
import { temporaryFolder } from "./tmp.ts";

/**
 * crun refuses machines that mount version 1 and 2 of cgroups side by side with controllers in both, whatever cgroup manager
 * it is given. Such machines are common in CI, so there this is not promised.
 */
export const crunRuns: Requirement = {
  what: "a crun that accepts this machine's cgroups",
  inCI: false,
  met: () => runs(["crun", "--cgroup-manager=disabled"]),
};

export const runcRuns: Requirement = {
  get what() {
    return `a runc that runs${said.has("runc") ? ` (it said: ${said.get("runc")})` : ""}`;
  },
  inCI: true,
  met: () => runs(["runc"]),
};

/** What those said that did not run. */
const said = new Map<string, string>();

/** Whether a runtime runs /bin/true from a bundle of ours, as the user of the tests. */
function runs(runtime: readonly string[]): boolean {
  if (Bun.which(runtime[0] ?? "", { PATH: `${process.env.PATH}:/usr/sbin` }) === null) return false;
  using folder = temporaryFolder();
  writeBundle(folder.join("bundle"));
  const run = [
    ...runtime,
    "--root",
    folder.join("state"),
    "run",
    "--bundle",
    folder.join("bundle"),
    `probe-${process.pid}`,
  ];
  const { success, stdout, stderr, exitCode, signalCode } = Bun.spawnSync(run, { stdin: "ignore" });
  if (!success) said.set(runtime[0] ?? "", `${stderr}${stdout} status ${exitCode ?? signalCode}`.trim());
  return success;
}
