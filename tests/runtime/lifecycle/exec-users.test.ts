/** Somebody else in the container, which takes subordinate ids. */
import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { BundleConfig } from "../../support/bundle.ts";
import { requires, subordinateIds } from "../../support/skip.ts";
import { box, isAlive, needs, until } from "./box.ts";

const test = requires(...needs, subordinateIds);
const it = box();

/** Root is the caller, and the others are subordinate. */
function withSubordinateIds({ linux }: BundleConfig): void {
  const { username, uid, gid } = userInfo();
  const first = (file: string) => {
    const line = readFileSync(file, "utf8")
      .split("\n")
      .find((text) => text.startsWith(`${username}:`));
    return Number(line?.split(":")[1]);
  };
  const mappings = (own: number, start: number) => [
    { containerID: 0, hostID: own, size: 1 },
    { containerID: 1, hostID: start, size: 65536 },
  ];
  linux.uidMappings = mappings(uid, first("/etc/subuid"));
  linux.gidMappings = mappings(gid, first("/etc/subgid"));
}

test("--user and --additional-gids", async () => {
  const id = await it.started({
    args: ["sleep", "1000"],
    edit: (config) => {
      withSubordinateIds(config);
      Object.assign(config.process.user, { uid: 5, gid: 6, additionalGids: [7] });
    },
  });
  const ids = async (...flags: string[]) =>
    (await it.ok(["exec", ...flags, id, "sh", "-c", "echo $(id -u):$(id -g):$(id -G)"])).trim();
  expect(await ids()).toBe("5:6:6 7");
  expect(await ids("--user", "33")).toBe("33:6:6 7");
  expect(await ids("--user", "33:44")).toBe("33:44:44 7");
  expect(await ids("-u", "0:0", "-g", "10", "--additional-gids", "20")).toBe("0:0:0 10 20");
  expect(await it.fails(["exec", "--user", "name", id, "true"], 255)).toContain("--user=name");
  expect(await it.fails(["exec", "--user", "70000", id, "true"], 255)).toContain("70000");
  await it.ok(["delete", "--force", id]);
});

test("no privilege comes with another user, nor with the way in", async () => {
  const id = await it.started({ args: ["sleep", "1000"], edit: withSubordinateIds });
  const status = await it.ok([
    "exec",
    "--user",
    "33:33",
    id,
    "busybox",
    "grep",
    "-E",
    "^(Uid|Gid|Groups|CapEff|CapPrm):",
    "/proc/self/status",
  ]);
  expect(
    status
      .replaceAll(/ +/g, " ")
      .trim()
      .split("\n")
      .map((line) => line.trimEnd()),
  ).toEqual([
    "Uid:\t33\t33\t33\t33",
    "Gid:\t33\t33\t33\t33",
    "Groups:",
    "CapPrm:\t0000000000000000",
    "CapEff:\t0000000000000000",
  ]);
  await it.ok(["delete", "--force", id]);
});

test("tsbox killed: a program of another user ends with it too, of run and of exec", async () => {
  const id = it.id();
  const bundle = it.bundle({
    args: ["sleep", "1000"],
    edit: (config) => {
      withSubordinateIds(config);
      config.process.user = { uid: 33, gid: 33 };
    },
  });
  const run = it.spawn(["run", "--bundle", bundle, id]);
  await until(() => it.left().includes(id), "the state");
  await until(async () => (await it.run(["state", id])).stdout.includes('"running"'), "the program");
  const file = it.path("exec.pid");
  const exec = it.spawn(["exec", "--pid-file", file, "--user", "44:44", id, "sleep", "1000"]);
  await until(() => existsSync(file) && it.read("exec.pid") !== "", "the process");
  const pids = { exec: Number(it.read("exec.pid")), run: (await it.state(id)).pid };
  await until(() => readFileSync(`/proc/${pids.exec}/comm`, "utf8") === "sleep\n", "the program");
  exec.child.kill("SIGKILL");
  await until(() => !isAlive(pids.exec), "the end of exec's");
  expect(isAlive(pids.run)).toBe(true);
  run.child.kill("SIGKILL");
  await until(() => !isAlive(pids.run), "the end of run's");
  await it.ok(["delete", id]);
});
