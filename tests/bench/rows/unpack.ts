/** How long an image takes from where it is to a file system that is ready to run. */
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { startRegistry } from "../../support/registry.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { debianImage, LAYERS, SIZE } from "../debian-image.ts";
import { type Command, medians } from "../measure.ts";
import type { Bench, Row } from "../row.ts";

const RUNS = 5;

let used = 0;

/**
 * Puts aside what a run has made; it is removed when the bench ends (12 GB by then), not between runs. For ext4 without a journal, which
 * virtual machines have, never gives out the number of a file that was removed in the last minutes, and searches past all of
 * them for each new file: measured as 4 seconds more of system time for each run of each program, whatever that does itself.
 */
function putAside({ folder }: Bench, path: string): void {
  renameSync(path, join(folder, `used-${used++}`));
}

/** Pulls `image` into a home that is new each time. */
function ours(bench: Bench, image: string): Command {
  const home = join(bench.folder, "fresh-home");
  return {
    argv: [TSBOX, "pull", "--quiet", image],
    env: { ...bench.person.env, HOME: home },
    before: () => void mkdirSync(home),
    after: () => putAside(bench, home),
  };
}

export const pull: Row = {
  name: "pull",
  work: `pull ${LAYERS} layers, ${SIZE / 1e6} MB, from loopback`,
  peer: "podman",
  atMost: 0.4,
  async measure(bench) {
    const podman = bench.podman();
    await using registry = await startRegistry();
    const image = registry.push(debianImage(), "debian:bench");
    const storage = join(bench.folder, "fresh-podman");
    const theirs: Command = {
      argv: podman.command(storage, "pull", "--quiet", "--tls-verify=false", image),
      env: podman.env,
      after: () => putAside(bench, storage),
    };
    const [mine, peer] = await medians([ours(bench, image), theirs], RUNS, 1);
    return { ours: mine ?? Number.NaN, peer: peer ?? Number.NaN, unit: "ms", runs: RUNS };
  },
};

export const unpack: Row = {
  name: "unpack",
  work: "unpack the same from a local layout",
  peer: "umoci",
  atMost: 0.3,
  async measure(bench) {
    const image = debianImage();
    const bundle = join(bench.folder, "umoci");
    const theirs: Command = {
      argv: ["umoci", "unpack", "--rootless", "--image", image.slice("oci:".length), bundle],
      env: bench.person.env,
      after: () => putAside(bench, bundle),
    };
    const [mine, peer] = await medians([ours(bench, image), theirs], RUNS, 1);
    return { ours: mine ?? Number.NaN, peer: peer ?? Number.NaN, unit: "ms", runs: RUNS };
  },
};
