/** tsbox as a runtime, beside crun and runc: the same bundle, without root, without cgroups. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeBundle } from "../../support/bundle.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { type Command, medians } from "../measure.ts";
import type { Bench, Row } from "../row.ts";

const RUNS = 60;

/**
 * A user may have 200 keys, and those of ended containers stay for five minutes (keyrings(7), gc_delay): after so many, crun fails
 * and tsbox does without.
 */
const KEYRING = ["--no-new-keyring"];

interface Runtime {
  readonly name: string;
  /** The command line before the command. */
  readonly argv: readonly string[];
}

/** Each with a state folder of its own. */
function runtime(name: "tsbox" | "crun" | "runc", { folder }: Bench): Runtime {
  const root = join(folder, `state-${name}`);
  mkdirSync(root, { recursive: true });
  const program = name === "tsbox" ? TSBOX : name;
  const cgroups = name === "runc" ? [] : ["--cgroup-manager=disabled"];
  return { name, argv: [program, "--root", root, ...cgroups] };
}

function bundle({ folder }: Bench, name: string, args: readonly string[]): string {
  const path = join(folder, `bundle-${name}`);
  mkdirSync(path, { recursive: true });
  return writeBundle(join(path, String(Bun.nanoseconds())), { args });
}

/** Through files: a container that goes on keeps what it got for output, and a pipe would never end. */
function call({ argv }: Runtime, args: readonly string[], { folder, person }: Bench): string {
  const unique = `${argv[0]?.split("/").at(-1)}-${args[0]}-${Bun.nanoseconds()}`;
  const [output, failure] = [join(folder, `${unique}.out`), join(folder, `${unique}.err`)];
  const streams = { stdin: "ignore", stdout: Bun.file(output), stderr: Bun.file(failure) } as const;
  const result = Bun.spawnSync([...argv, ...args], { env: person.env, cwd: "/", timeout: 60_000, ...streams });
  if (!result.success) throw new Error(`${argv.join(" ")} ${args.join(" ")}: ${readFileSync(failure, "utf8").trim()}`);
  return readFileSync(output, "utf8");
}

async function compare(bench: Bench, peer: "crun" | "runc", make: (of: Runtime) => Command) {
  const pair = [runtime("tsbox", bench), runtime(peer, bench)].map(make);
  const [ours = Number.NaN, theirs = Number.NaN] = await medians(pair, RUNS);
  return { ours, peer: theirs, unit: "ms", runs: RUNS } as const;
}

export const runBundle: Row = {
  name: "run-bundle",
  work: "run of a bundle, /bin/true",
  peer: "crun",
  atMost: 1,
  async measure(bench) {
    const path = bundle(bench, "run", ["/bin/true"]);
    return await compare(bench, "crun", ({ argv }) => ({
      argv: [...argv, "run", ...KEYRING, "--bundle", path, "bench"],
      env: bench.person.env,
    }));
  },
};

/** One shell for the four steps, the same one for both. */
function lifecycle(peer: "crun" | "runc", atMost: number): Row {
  return {
    name: `lifecycle-${peer}`,
    work: "create, start, state, delete",
    peer,
    atMost,
    async measure(bench) {
      const path = bundle(bench, "lifecycle", ["/bin/true"]);
      const script =
        '"$@" create --no-new-keyring --bundle "$B" bench && "$@" start bench && "$@" state bench && "$@" delete --force bench';
      return await compare(bench, peer, ({ argv }) => ({
        argv: ["sh", "-c", script, "sh", ...argv],
        env: { ...bench.person.env, B: path },
      }));
    },
  };
}

export const lifecycleCrun = lifecycle("crun", 1.2);
export const lifecycleRunc = lifecycle("runc", 0.6);

export const execCrun: Row = {
  name: "exec",
  work: "exec true in a running container",
  peer: "crun",
  atMost: 1.2,
  async measure(bench) {
    const path = bundle(bench, "exec", ["/bin/sleep", "1000"]);
    const used: Runtime[] = [];
    try {
      return await compare(bench, "crun", (of) => {
        call(of, ["run", ...KEYRING, "--detach", "--bundle", path, "bench"], bench);
        used.push(of);
        return { argv: [...of.argv, "exec", "bench", "/bin/true"], env: bench.person.env };
      });
    } finally {
      for (const of of used) call(of, ["delete", "--force", "bench"], bench);
    }
  },
};

/** What the waiting process has in memory. */
export const memoryCreated: Row = {
  name: "memory-created",
  work: "memory that a created container takes",
  peer: "crun",
  atMost: 1,
  async measure(bench) {
    const path = bundle(bench, "memory", ["/bin/true"]);
    const [ours, peer] = (["tsbox", "crun"] as const).map((name) => {
      const of = runtime(name, bench);
      call(of, ["create", ...KEYRING, "--bundle", path, "bench"], bench);
      try {
        const { pid } = JSON.parse(call(of, ["state", "bench"], bench)) as { pid: number };
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1]);
      } finally {
        call(of, ["delete", "--force", "bench"], bench);
      }
    });
    return { ours: ours ?? Number.NaN, peer: peer ?? Number.NaN, unit: "kB", runs: 1 };
  },
};
