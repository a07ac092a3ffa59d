/** How long a container takes that does nothing. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { TSBOX } from "../../support/tsbox.ts";
import { type Command, medians } from "../measure.ts";
import type { Bench, Row } from "../row.ts";

const RUNS = 40;

/** `tsbox run` of the busybox image, which is pulled first. */
function ours({ person, busybox }: Bench): Command {
  const image = busybox();
  const { success, stderr } = Bun.spawnSync([TSBOX, "pull", image], { env: person.env });
  if (!success) throw new Error(`cannot pull ${image}: ${stderr.toString()}`);
  return { argv: [TSBOX, "run", "--rm", "--network=host", image, "true"], env: person.env };
}

export const runPodman: Row = {
  name: "run-podman",
  work: "run --rm --network=host IMAGE true",
  peer: "podman",
  atMost: 0.12,
  async measure(bench) {
    const { folder, busybox } = bench;
    const podman = bench.podman();
    const storage = join(folder, "podman");
    const pull = Bun.spawnSync(podman.command(storage, "pull", "--quiet", busybox()), { env: podman.env, cwd: "/" });
    if (!pull.success) throw new Error(`podman cannot pull: ${pull.stderr.toString()}`);
    const image = pull.stdout.toString().trim();
    const theirs = podman.command(storage, "run", "--rm", "--network=host", image, "true");
    const [mine, peer] = await medians([ours(bench), { argv: theirs, env: podman.env }], RUNS);
    return { ours: mine ?? Number.NaN, peer: peer ?? Number.NaN, unit: "ms", runs: RUNS };
  },
};

export const runBubblewrap: Row = {
  name: "run-bwrap",
  work: "the same, in the same namespaces",
  peer: "bubblewrap",
  atMost: 2.5,
  async measure(bench) {
    const root = join(bench.folder, "bwrap");
    mkdirSync(root, { recursive: true });
    const layout = bench.busybox().split(":").slice(1).join(":");
    const unpack = Bun.spawnSync(["umoci", "unpack", "--rootless", "--image", layout, join(root, "bundle")]);
    if (!unpack.success) throw new Error(`umoci cannot unpack ${layout}: ${unpack.stderr.toString()}`);
    const namespaces = ["user", "pid", "ipc", "uts", "cgroup"].map((name) => `--unshare-${name}`);
    const mounts = ["--bind", join(root, "bundle/rootfs"), "/", "--proc", "/proc", "--dev", "/dev"];
    const argv = ["bwrap", ...namespaces, ...mounts, "--uid", "0", "--gid", "0", "/bin/true"];
    const [mine, peer] = await medians([ours(bench), { argv, env: bench.person.env }], RUNS);
    return { ours: mine ?? Number.NaN, peer: peer ?? Number.NaN, unit: "ms", runs: RUNS };
  },
};
