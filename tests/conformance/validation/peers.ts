/**
 * What crun and runc make of the validation suite on this machine, for `peers.json`: `bun tests/conformance/validation/peers.ts`
 *
 * As root. crun is called with `--cgroup-manager=disabled`: it otherwise raises RLIMIT_MEMLOCK for the filter of devices, which
 * needs CAP_SYS_RESOURCE, and root does not have that on the machines of CI.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { steadyFailures } from "./run.ts";
import { type Suite, validationSuite } from "./suite.ts";

/** Peers by name: version, how it is called, and what fails in each case that does not pass. */
export type Peers = Record<
  string,
  { readonly version: string; readonly options: readonly string[]; readonly failures: Record<string, string[]> }
>;

const FILE = join(import.meta.dir, "peers.json");

/** What was recorded last. */
export function recordedPeers(): Peers {
  // cast: written by this file
  return JSON.parse(readFileSync(FILE, "utf8")) as Peers;
}

const PEERS = [
  { name: "crun", options: ["--cgroup-manager=disabled"] },
  { name: "runc", options: [] },
];

async function record(suite: Suite): Promise<Peers> {
  const peers: Peers = {};
  // Not below /tmp, which a case does not see.
  const folder = join(suite.folder, `peers-${process.pid}`);
  mkdirSync(folder);
  try {
    for (const { name, options } of PEERS) {
      const path = Bun.which(name);
      if (path === null) throw new Error(`${name} is not installed`);
      const wrapper = join(folder, name);
      writeFileSync(wrapper, `#!/bin/sh\nexec ${path} ${options.join(" ")} "$@"\n`);
      chmodSync(wrapper, 0o755);
      const version = Bun.spawnSync([path, "--version"]).stdout.toString().split("\n")[0] ?? "";
      peers[name] = { version, options, failures: Object.fromEntries(await steadyFailures(suite, wrapper, 3)) };
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return peers;
}

if (import.meta.main) {
  const peers = await record(validationSuite());
  writeFileSync(FILE, `${JSON.stringify(peers, null, 2)}\n`);
  for (const [name, { failures }] of Object.entries(peers)) console.log(name, Object.keys(failures).join(" "));
}
