import { expect } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { LinuxResources } from "../../../src/oci/index.ts";
import { delegatedTop, locateCgroup } from "../../../src/runtime/cgroup/locate.ts";
import { applySettings } from "../../../src/runtime/cgroup/make.ts";
import { prepareOn } from "../../../src/runtime/cgroup/prepare.ts";
import { cgroupSettings } from "../../../src/runtime/cgroup/settings.ts";
import { type CgroupRequest, isFrozen, removeCgroup } from "../../../src/runtime/index.ts";
import { requires, unprivileged } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const test = requires();
// root may write everywhere, so that nothing is "not delegated" to it
const testUser = requires(unprivileged);

const request = (more: Partial<CgroupRequest> = {}): CgroupRequest => ({
  id: "c1",
  cgroupsPath: "/a/b",
  resources: undefined,
  manager: "cgroupfs",
  rootless: true,
  ...more,
});
const limits: LinuxResources = { memory: { limit: 1 }, pids: { limit: 5 } };

test("without cgroup v2 a container that asks for no limit gets no cgroup", async () => {
  using folder = temporaryFolder();
  for (const manager of ["cgroupfs", "systemd", "disabled"] as const) {
    expect(await prepareOn(request({ manager }), { mount: folder.path })).toBeUndefined();
    const devices = [{ allow: false, access: "rwm" }];
    expect(await prepareOn(request({ manager, resources: { devices } }), { mount: folder.path })).toBeUndefined();
  }
});

test("without cgroup v2 a limit is an error that names it and what would help", async () => {
  using folder = temporaryFolder();
  for (const manager of ["cgroupfs", "systemd"] as const) {
    const asked = prepareOn(request({ manager, resources: limits }), { mount: folder.path });
    await expect(asked).rejects.toThrow(
      `cannot limit memory.limit, pids.limit: no cgroups are mounted on ${folder.path}; `,
    );
  }
  mkdirSync(`${folder.path}/memory`);
  const asked = prepareOn(request({ resources: limits }), { mount: folder.path });
  await expect(asked).rejects.toThrow("is cgroup v1 or hybrid, tsbox needs v2; an administrator boots with");
});

test("with cgroups disabled there is none, whatever is asked for", async () => {
  expect(await prepareOn(request({ manager: "disabled", resources: limits }))).toBeUndefined();
});

/** Folders that stand for cgroups; those in `mine` may be written. */
function tree(mount: string, paths: readonly string[], mine: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(`${mount}${path}`, { recursive: true });
    writeFileSync(`${mount}${path}/cgroup.procs`, "", { mode: mine.includes(path) ? 0o644 : 0o444 });
  }
}

const session = "/user.slice/user-1.slice/user@1.service";
const terminal = `${session}/app.slice/terminal.scope`;

testUser("the delegated cgroup is the highest above the own one whose processes may be moved", () => {
  using folder = temporaryFolder();
  tree(
    folder.path,
    ["", "/user.slice", "/user.slice/user-1.slice", session, `${session}/app.slice`, terminal],
    [session, terminal],
  );
  expect(delegatedTop(folder.path, terminal)).toBe(`${folder.path}${session}`);
  // a session beside it shares only what is not the user's with it
  tree(folder.path, ["/user.slice/user-1.slice/session-2.scope"], []);
  expect(delegatedTop(folder.path, "/user.slice/user-1.slice/session-2.scope")).toBeUndefined();
});

testUser("paths of a user are below the delegated cgroup, those of root below the mount", () => {
  using folder = temporaryFolder();
  tree(folder.path, ["", session, terminal], [session, terminal]);
  const at = (cgroupsPath: string | undefined, rootless = true) =>
    locateCgroup(request({ cgroupsPath, rootless }), folder.path, terminal)?.path.slice(folder.path.length);
  expect(at(undefined)).toBe(`${session}/tsbox-c1`);
  expect(at("x/y")).toBe(`${session}/x/y`);
  expect(at("/libpod_parent/libpod-1")).toBe(`${session}/libpod_parent/libpod-1`);
  expect(at(`${session}/x`)).toBe(`${session}/x`);
  expect(at(session)).toBe(`${session}${session}`);
  expect(at("/x/./y//z", false)).toBe("/x/y/z");
  expect(at(undefined, false)).toBe("/tsbox-c1");
  for (const bad of ["/..", "/a/../b", "../a", "a/cgroup.procs", "/memory.max", "a\nb"]) {
    expect(() => at(bad)).toThrow("cannot use linux.cgroupsPath");
  }
});

test("values go to BFQ's file where there is one, else to io.weight; a file that may be missing is passed over", () => {
  using folder = temporaryFolder();
  const files = (...names: string[]) => {
    for (const name of names) writeFileSync(`${folder.path}/${name}`, "");
  };
  const read = (name: string) => readFileSync(`${folder.path}/${name}`, "utf8");
  files("io.weight", "memory.max");
  applySettings(folder.path, cgroupSettings({ blockIO: { weight: 500 }, memory: { limit: 5, swap: 5 } }));
  expect([read("io.weight"), read("memory.max")]).toEqual(["default 4950", "5"]);
  files("io.bfq.weight");
  applySettings(folder.path, cgroupSettings({ blockIO: { weight: 400 } }));
  expect([read("io.weight"), read("io.bfq.weight")]).toEqual(["default 4950", "400"]);
  const swap = () => applySettings(folder.path, cgroupSettings({ memory: { limit: 5, swap: 7 } }));
  expect(swap).toThrow("cannot limit linux.resources.memory.swap: the controller memory is not available");
  writeFileSync(`${folder.path}/cgroup.controllers`, "memory io");
  expect(swap).toThrow("cannot limit linux.resources.memory.swap: this kernel has no memory.swap.max");
});

test("a state that names no folder below the mount is refused", () => {
  for (const path of ["/sys/fs/cgroup", "/sys/fs/cgroup/", "/sys/fs/cgroup/a/../..", "/etc", "", "/sys/fs/cgroup2/x"]) {
    expect(() => removeCgroup({ manager: "cgroupfs", path })).toThrow("is not below /sys/fs/cgroup");
    expect(() => isFrozen({ manager: "cgroupfs", path })).toThrow("is not below /sys/fs/cgroup");
  }
});
