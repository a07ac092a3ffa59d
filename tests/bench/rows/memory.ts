/** What tsbox keeps in memory while somebody's program runs. */
import { readdirSync, readFileSync } from "node:fs";
import { TSBOX } from "../../support/tsbox.ts";
import type { Row } from "../row.ts";

const PROGRAM = ["sleep", "60"];

export const memory: Row = {
  name: "memory",
  work: "memory that a foreground container adds",
  peer: "",
  // 1 MB
  atMost: 1024,
  async measure({ person, busybox }) {
    const argv = [TSBOX, "run", "--rm", "--network=host", busybox(), ...PROGRAM];
    const child = Bun.spawn(argv, { env: person.env, cwd: "/", stdin: "ignore", stdout: "ignore", stderr: "inherit" });
    try {
      const deadline = Date.now() + 20_000;
      for (;;) {
        const tree = descendants(child.pid);
        const running = tree.find((pid) => commandLine(pid) === PROGRAM.join(" "));
        if (running !== undefined) {
          // The set-up may still be letting go of its pages.
          await Bun.sleep(500);
          const others = descendants(child.pid).filter((pid) => pid !== running);
          return { ours: others.reduce((sum, pid) => sum + residentKB(pid), 0), unit: "kB", runs: 1 };
        }
        if (child.exitCode !== null || Date.now() > deadline) throw new Error("the container did not start");
        await Bun.sleep(20);
      }
    } finally {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), 1000).unref();
      await child.exited;
    }
  },
};

/** `pid` and all that descend from it. */
function descendants(pid: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(statusField(Number(name), "PPid"))] as const);
  const found = [pid];
  for (const parent of found) found.push(...parents.filter(([, of]) => of === parent).map(([child]) => child));
  return found;
}

const residentKB = (pid: number): number => Number.parseInt(statusField(pid, "VmRSS") ?? "0", 10);

function statusField(pid: number, name: string): string | undefined {
  return read(pid, "status")?.match(new RegExp(`^${name}:\\s*(.*)$`, "m"))?.[1];
}

const commandLine = (pid: number): string | undefined => read(pid, "cmdline")?.split("\0").filter(Boolean).join(" ");

/** `undefined` for a process that has ended meanwhile. */
function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
