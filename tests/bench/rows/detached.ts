/** Containers that stay, beside podman's. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TSBOX } from "../../support/tsbox.ts";
import { type Command, median, medians } from "../measure.ts";
import type { Bench, Row } from "../row.ts";

/** One of the two, with the image pulled: makes command lines and knows how to clean up. */
interface Engine {
  readonly argv: (...args: string[]) => string[];
  readonly env: Readonly<Record<string, string>>;
  readonly image: string;
}

const NETWORK = "--network=none";
const FOREVER = ["sleep", "1000"];

function call({ argv, env }: Engine, ...args: string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync(argv(...args), {
    env,
    cwd: "/",
    stdin: "ignore",
    timeout: 120_000,
  });
  if (!success) throw new Error(`${args.join(" ")}: ${stderr.toString().trim()}`);
  return stdout.toString().trim();
}

function engines(bench: Bench, name: string): readonly [Engine, Engine] {
  const { person, folder } = bench;
  const image = bench.busybox();
  const ours: Engine = { argv: (...args) => [TSBOX, ...args], env: person.env, image };
  call(ours, "pull", "-q", image);
  const podman = bench.podman();
  const storage = join(folder, `podman-${name}`);
  mkdirSync(storage, { recursive: true });
  const argv = (...args: string[]) => podman.command(storage, ...args);
  const id = call({ argv, env: podman.env, image }, "pull", "--quiet", image);
  return [ours, { argv, env: podman.env, image: id }];
}

/** The same for both, in turns. */
async function compare(
  bench: Bench,
  name: string,
  runs: number,
  make: (engine: Engine) => Command,
  prepare?: (engine: Engine) => void,
) {
  const both = engines(bench, name);
  try {
    for (const engine of both) prepare?.(engine);
    const [ours = Number.NaN, peer = Number.NaN] = await medians(both.map(make), runs);
    return { ours, peer, unit: "ms", runs } as const;
  } finally {
    for (const engine of both) call(engine, "rm", "--force", "--all", "--time=0");
  }
}

export const execPodman: Row = {
  name: "exec-podman",
  work: "exec CONTAINER true",
  peer: "podman",
  atMost: 0.12,
  measure: (bench) =>
    compare(
      bench,
      "exec",
      30,
      ({ argv, env }) => ({ argv: argv("exec", "bench", "true"), env }),
      (engine) => void call(engine, "run", "-d", NETWORK, "--name=bench", engine.image, ...FOREVER),
    ),
};

/** All run, for `ps` shows no others. podman has one container, which is what its time is known for; with a hundred it takes longer. */
export const psPodman: Row = {
  name: "ps-100",
  work: "ps with 100 containers (podman: 1)",
  peer: "podman",
  atMost: 0.25,
  async measure(bench) {
    let first = true;
    return await compare(
      bench,
      "ps",
      30,
      ({ argv, env }) => ({ argv: argv("ps"), env }),
      (engine) => {
        const count = first ? 100 : 1;
        first = false;
        for (let i = 0; i < count; i++) call(engine, "run", "-d", NETWORK, engine.image, ...FOREVER);
      },
    );
  },
};

export const runDetached: Row = {
  name: "run-d",
  work: "run -d",
  peer: "podman",
  atMost: 0.2,
  measure: (bench) =>
    compare(bench, "run-d", 20, (engine) => ({
      argv: engine.argv("run", "-d", NETWORK, "--name=bench", engine.image, ...FOREVER),
      env: engine.env,
      after: () => void call(engine, "rm", "--force", "--time=0", "bench"),
    })),
};

const MANY = 50;

export const fifty: Row = {
  name: "fifty",
  work: `${MANY} run -d at once, then rm -f of all`,
  peer: "podman",
  atMost: 0.2,
  measure: (bench) =>
    compare(bench, "fifty", 3, (engine) => {
      const run = engine.argv("run", "-d", NETWORK, engine.image, ...FOREVER);
      const remove = engine.argv("rm", "--force", "--all", "--time=0");
      const quote = (words: readonly string[]) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
      const start = `for i in $(seq ${MANY}); do ${quote(run)} >/dev/null & pids="$pids $!"; done`;
      const script = `${start}; for pid in $pids; do wait $pid || exit 1; done; ${quote(remove)} >/dev/null`;
      return { argv: ["sh", "-c", script], env: engine.env };
    }),
};

export const memoryDetached: Row = {
  name: "memory-detached",
  work: "memory of a detached container's monitor",
  peer: "conmon",
  atMost: 0.25,
  async measure(bench) {
    const both = engines(bench, "memory");
    try {
      const [ours = Number.NaN, peer = Number.NaN] = both.map((engine) => {
        call(engine, "run", "-d", NETWORK, "--name=bench", engine.image, ...FOREVER);
        const pid = Number(call(engine, "inspect", "--format={{.State.Pid}}", "bench"));
        return resident(parent(pid));
      });
      return { ours, peer, unit: "kB", runs: 1 };
    } finally {
      for (const engine of both) call(engine, "rm", "--force", "--all", "--time=0");
    }
  },
};

const field = (pid: number, name: string) =>
  Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
const parent = (pid: number) => field(pid, "PPid");
const resident = (pid: number) => field(pid, "VmRSS");

/** Lines that `yes` makes, whose whole log is written: the time from start to end. */
export const logThroughput: Row = {
  name: "log",
  work: "2 million lines into the log",
  peer: "podman",
  // at least twice as fast
  atMost: 0.5,
  async measure(bench) {
    const both = engines(bench, "log");
    const times: number[][] = [[], []];
    const runs = 3;
    try {
      for (let turn = 0; turn < runs; turn++) {
        for (const [at, engine] of both.entries()) {
          const driver = at === 0 ? "json-file" : "k8s-file";
          call(
            engine,
            "create",
            NETWORK,
            `--log-driver=${driver}`,
            "--name=bench",
            engine.image,
            "sh",
            "-c",
            "yes | head -n 2000000",
          );
          const from = Bun.nanoseconds();
          call(engine, "start", "bench");
          call(engine, "wait", "bench");
          times[at]?.push((Bun.nanoseconds() - from) / 1e6);
          call(engine, "rm", "--force", "bench");
        }
      }
    } finally {
      for (const engine of both) call(engine, "rm", "--force", "--all", "--time=0");
    }
    const [ours = Number.NaN, peer = Number.NaN] = times.map(median);
    return { ours, peer, unit: "ms", runs };
  },
};
