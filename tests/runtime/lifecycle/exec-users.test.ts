/** exec as somebody else in the container, which takes subordinate ids. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { BundleConfig } from "../../support/bundle.ts";
import { requires, subordinateIds } from "../../support/skip.ts";
import { box, needs } from "./box.ts";

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
