/**
 * `bun run bench [--only NAME]... [--json]`: tsbox beside its peers, as an unprivileged user, each row with the bound that
 * it has to keep. Ends with status 1 when a row misses its bound or could not be measured.
 */
import { statfsSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { readableTree } from "../../scripts/readable-tree.ts";
import { asUser, makeTestUser, openDevices } from "../../scripts/test-user.ts";
import { writeBusyboxLayout } from "../support/busybox-image.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { Person } from "../support/tsbox.ts";
import { findPodman, type Podman, versionOf } from "./podman.ts";
import type { Bench, Row } from "./row.ts";
import { execCrun, lifecycleCrun, lifecycleRunc, memoryCreated, runBundle } from "./rows/bundle.ts";
import { execPodman, fifty, logThroughput, memoryDetached, psPodman, runDetached } from "./rows/detached.ts";
import { memory } from "./rows/memory.ts";
import { runBubblewrap, runPodman } from "./rows/run.ts";
import { pull, unpack } from "./rows/unpack.ts";
import { version } from "./rows/version.ts";
import { isMet, type Outcome, record, table } from "./table.ts";

/** CGROUP2_SUPER_MAGIC of linux/magic.h. */
const CGROUP2 = 0x63677270;

const ROWS: readonly Row[] = [
  runPodman,
  runBubblewrap,
  pull,
  unpack,
  memory,
  version,
  runBundle,
  lifecycleCrun,
  lifecycleRunc,
  execCrun,
  memoryCreated,
  execPodman,
  psPodman,
  runDetached,
  fifty,
  memoryDetached,
  logThroughput,
];

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true, default: [] }, json: { type: "boolean", default: false } },
});
const unknown = values.only.filter((name) => !ROWS.some((row) => row.name === name));
if (unknown.length > 0) {
  console.error(`no row is called ${unknown.join(", ")}: there are ${ROWS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
process.exitCode = process.getuid?.() === 0 ? await again() : await bench();

/** Starts this again as a user with the limits that tsbox is about. */
async function again(): Promise<number> {
  openDevices();
  const user = makeTestUser("tsbox-ci");
  using tree = readableTree(user);
  const command = [`${tree.path}/node_modules/.bin/bun`, `${tree.path}/tests/bench/main.ts`, ...process.argv.slice(2)];
  const streams = { stdin: "ignore", stdout: "inherit", stderr: "inherit" } as const;
  return await Bun.spawn(unified(asUser(user, command, {})), { cwd: tree.path, ...streams }).exited;
}

/** crun refuses hosts where version 1 and 2 of cgroups are mixed: a mount namespace in which they are not, for all alike. */
function unified(command: readonly string[]): string[] {
  if (statfsSync("/sys/fs/cgroup").type === CGROUP2) return [...command];
  const script = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "sh", ...command];
}

async function bench(): Promise<number> {
  using folder = temporaryFolder();
  using person = new Person();
  let podman: Podman | undefined;
  let image: string | undefined;
  const shared: Bench = {
    folder: folder.path,
    person,
    podman: () => {
      podman ??= findPodman({ ...person.env, HOME: process.env.HOME ?? person.home }, folder.join("podman-probe"));
      return podman;
    },
    busybox: () => {
      image ??= writeBusyboxLayout(folder.join("busybox"));
      return image;
    },
  };
  const outcomes: Outcome[] = [];
  for (const row of ROWS.filter(({ name }) => values.only.length === 0 || values.only.includes(name))) {
    console.error(`measuring ${row.name}: ${row.work}`);
    try {
      outcomes.push({ ...row, result: await row.measure(shared) });
    } catch (error) {
      outcomes.push({ ...row, error: error instanceof Error ? error.message : String(error) });
    }
  }
  const peers = [
    ...(podman ? [podman.version] : []),
    ...["bwrap", "umoci", "crun", "runc"].map(versionOf),
    `bun ${Bun.version}`,
  ];
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown processor"}, Linux ${release()}`;
  if (values.json) console.log(JSON.stringify({ machine, peers, rows: outcomes.map(record) }, null, 2));
  else console.log(`\n${table(outcomes)}\n\nmedians of interleaved runs; ${peers.join(", ")}; ${machine}`);
  return outcomes.every(isMet) ? 0 : 1;
}
