/** Fifty containers while monitors and commands are killed: nothing may be left of them. */
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { Host, isProcess } from "./host.ts";

const it = requires(executable, busybox, userNamespaces);

const COUNT = 50;
const SECONDS = Number(process.env.TSBOX_CHAOS_SECONDS ?? 20);

/** Processes of containers of this host, and their monitors: those that have its folder in their memory or arguments. */
function processesOf(host: Host): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid || !isProcess(Number(pid))) return [];
    try {
      const environment = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, "latin1");
      return environment.includes(host.folder.path) || mounts.includes(host.folder.path)
        ? [`${pid} ${environment}`]
        : [];
    } catch {
      return [];
    }
  });
}

/** pasta, of every user's containers: all that is told of one is its target's pid, and that is gone by then. */
const helpers = () =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("pas") && isOrphan(Number(pid));
    } catch {
      return false;
    }
  });

/** Whether it is ours, and its parent is not what started it any more. */
function isOrphan(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^Uid:\s(\d+)/m.exec(status)?.[1]) === process.getuid?.() && /^PPid:\t1$/m.test(status);
}

const hasPasta = Bun.which("pasta") !== null && existsSync("/dev/net/tun");

it("leaves nothing", async () => {
  using host = new Host();
  const orphans = helpers();
  await host.ok(["pull", "-q", host.image]);
  const random = (limit: number) => Math.floor(Math.random() * limit);
  const name = (i: number) => `c${i}`;
  const script = "trap 'exit 0' TERM; while :; do echo tick; sleep 0.05; done";
  const policies = [
    ["--network=none"],
    ["--network=none", "--rm"],
    ["--network=none", "--restart", "always"],
    ["--network=none", "--health-cmd", "true", "--health-interval", "100ms"],
    ["--network=none", "-v", "/data", "-v", "shared:/shared"],
    hasPasta ? ["-p", "80", "--rm"] : ["--network=none", "--rm"],
    hasPasta ? ["-p", "80", "--restart", "on-failure:3"] : ["--network=none"],
  ];
  const commands = (i: number): string[] => {
    const run = ["run", "-d", "--name", name(i), ...(policies[i % policies.length] ?? [])];
    const all = [
      [...run, host.image, "sh", "-c", script],
      ["stop", "-t", "0", name(i)],
      ["start", name(i)],
      ["restart", "-t", "0", name(i)],
      ["kill", name(i)],
      ["exec", name(i), "true"],
      ["logs", "--tail", "1", name(i)],
      ["rm", "-f", name(i)],
    ];
    return all[random(all.length)] ?? [];
  };
  const lane = async () => {
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) {
      const i = random(COUNT);
      const child = host.spawn(commands(i));
      // a third of the commands is killed at some moment
      const killer = random(3) === 0 ? setTimeout(() => child.kill("SIGKILL"), random(60)) : undefined;
      await child.exited;
      clearTimeout(killer);
      if (random(4) > 0) continue;
      try {
        process.kill(host.monitor(name(i)), "SIGKILL");
      } catch {
        // it does not run
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, lane));

  // what is there is told truly, and can be removed
  const { stdout, exitCode } = await host.run(["ps", "-aq", "--no-trunc"]);
  expect(exitCode).toBe(0);
  for (const id of stdout
    .trim()
    .split("\n")
    .filter((line) => line !== ""))
    expect(host.containers()).toContain(id);
  expect((await host.run(["rm", "-f", "--all"])).stderr).toBe("");
  expect((await host.run(["rm", "-f", "--all"])).stdout).toBe("");
  // folders that were never finished are only removed when they are old enough to be nobody's
  const unfinished = host.containers().filter((id) => existsSync(`${host.storage}/containers/${id}/lock`));
  expect(unfinished).toEqual([]);
  const lost = () => helpers().filter((pid) => !orphans.includes(pid));
  for (let tries = 0; tries < 300 && processesOf(host).length + lost().length > 0; tries++) await Bun.sleep(100);
  expect(processesOf(host)).toEqual([]);
  expect(lost()).toEqual([]);
  // what only the next command finds: names and volumes of who was killed while it made or removed something
  await Bun.sleep(1000);
  await host.ok(["system", "prune", "-f", "--volumes"]);
  const left = (folder: string) => readdirSync(`${host.storage}/${folder}`).filter((name) => !name.startsWith("."));
  expect(left("containers/names")).toEqual([]);
  expect(left("volumes").filter((name) => name !== "shared")).toEqual([]);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(host.folder.path);
  expect(readdirSync(host.env.XDG_RUNTIME_DIR ?? "")).toEqual([]);
}, 180_000);

it("fifty begin at once, and end at once", async () => {
  using host = new Host();
  await host.ok(["pull", "-q", host.image]);
  const names = Array.from({ length: COUNT }, (_, i) => `c${i}`);
  // the same name twice: one of them gets it
  const ids = await Promise.all(
    [...names, "c7"].map((name) =>
      host.run(["run", "-d", "--network=none", "--name", name, host.image, "sleep", "1000"]),
    ),
  );
  const refused = ids.filter(({ exitCode }) => exitCode !== 0);
  expect(refused).toEqual([
    { exitCode: 125, stdout: "", stderr: expect.stringMatching(/^tsbox: cannot use name "c7": [^\n]*\n$/) },
  ]);
  const running = await host.ok(["ps", "-q", "--no-trunc"]);
  const made = ids.flatMap(({ stdout }) => (stdout === "" ? [] : stdout.trim()));
  expect(running.trim().split("\n").sort()).toEqual(made.sort());
  const pids = names.flatMap((name) => [host.pid(name), host.monitor(name)]);
  expect((await host.ok(["rm", "-f", "--all"])).trim().split("\n").sort()).toEqual(made);
  expect(host.containers()).toEqual([]);
  expect(readdirSync(`${host.storage}/containers/names`)).toEqual([]);
  // a monitor ends right after it has told that its container did
  for (let tries = 0; tries < 1000 && pids.some(isProcess); tries++) await Bun.sleep(20);
  expect(pids.filter(isProcess)).toEqual([]);
}, 120_000);
