/**
 * `bun run bench [--only NAME]... [--peers newest|host] [--json]`: tsbox beside its peers, as an unprivileged user, each row with the
 * bound that it has to keep. Started by root, all run in Debian's next release where that can be had. Ends with status 1 when
 * a row misses its bound or could not be measured.
 */
import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { writeBusyboxLayout } from "../support/busybox-image.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { Person, TSBOX } from "../support/tsbox.ts";
import { readWhole } from "./page-cache.ts";
import { findPodman, type Podman, versionOf } from "./podman.ts";
import type { Bench, Row } from "./row.ts";
import { execCrun, lifecycleCrun, lifecycleRunc, memoryCreated, runBundle } from "./rows/bundle.ts";
import { execPodman, fifty, logThroughput, memoryDetached, psPodman, runDetached } from "./rows/detached.ts";
import { memory } from "./rows/memory.ts";
import { runBubblewrap, runPodman } from "./rows/run.ts";
import { pull, unpack } from "./rows/unpack.ts";
import { version } from "./rows/version.ts";
import { PEERS, startAgain } from "./start-again.ts";
import { isMet, type Outcome, record, table } from "./table.ts";

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
  options: {
    only: { type: "string", multiple: true, default: [] },
    peers: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const peers = PEERS.find((name) => name === values.peers);
process.exitCode = await main();

async function main(): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const unknown = values.only.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) {
    return refuse(`no row is called ${unknown.join(", ")}: there are ${ROWS.map(({ name }) => name).join(", ")}`);
  }
  if (values.peers !== peers) return refuse(`--peers is one of ${PEERS.join(", ")}, not ${values.peers}`);
  if (peers === "newest" && !isRoot) return refuse("--peers newest takes root, who makes its root file system");
  const again = [...values.only.map((name) => `--only=${name}`), ...(values.json ? ["--json"] : [])];
  return isRoot ? await startAgain(again, peers) : await bench();
}

function refuse(reason: string): number {
  console.error(reason);
  return 2;
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
  readWhole([TSBOX, "podman", "conmon", "crun", "runc", "bwrap", "umoci"]);
  const outcomes: Outcome[] = [];
  for (const row of ROWS.filter(({ name }) => values.only.length === 0 || values.only.includes(name))) {
    console.error(`measuring ${row.name}: ${row.work}`);
    try {
      outcomes.push({ ...row, result: await row.measure(shared) });
    } catch (error) {
      outcomes.push({ ...row, error: error instanceof Error ? error.message : String(error) });
    }
  }
  podman?.end();
  const measured = [
    ...(podman ? [podman.version] : []),
    ...["bwrap", "umoci", "crun", "runc"].map(versionOf),
    `bun ${Bun.version}`,
    distribution(),
  ];
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown processor"}, Linux ${release()}`;
  if (values.json) console.log(JSON.stringify({ machine, peers: measured, rows: outcomes.map(record) }, null, 2));
  else console.log(`\n${table(outcomes)}\n\nmedians of interleaved runs; ${measured.join(", ")}; ${machine}`);
  return outcomes.every(isMet) ? 0 : 1;
}

/** "Debian GNU/Linux 13 (trixie)": whose programs these are (os-release(5)). */
function distribution(): string {
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  return name ?? "an unnamed distribution";
}
