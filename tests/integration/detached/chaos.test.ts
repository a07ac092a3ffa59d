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

it("leaves nothing", async () => {
  using host = new Host();
  await host.ok(["pull", "-q", host.image]);
  const random = (limit: number) => Math.floor(Math.random() * limit);
  const name = (i: number) => `c${i}`;
  const script = "trap 'exit 0' TERM; while :; do echo tick; sleep 0.05; done";
  const policies = [[], ["--rm"], ["--restart", "always"], ["--health-cmd", "true", "--health-interval", "100ms"]];
  const commands = (i: number): string[] => {
    const run = ["run", "-d", "--network=none", "--name", name(i), ...(policies[i % policies.length] ?? [])];
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
  for (let tries = 0; tries < 50 && processesOf(host).length > 0; tries++) await Bun.sleep(100);
  expect(processesOf(host)).toEqual([]);
}, 180_000);
