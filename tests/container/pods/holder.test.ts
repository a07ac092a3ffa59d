/** The plan of a pod's holder. */
import { expect, test } from "bun:test";
import { printPlan } from "../../../src/plan/index.ts";
import { compileHolder, type HolderOptions } from "../../../src/runtime/index.ts";

const OPTIONS: HolderOptions = {
  folder: "/store/pods/p",
  mapping: {
    name: "subuid",
    kind: "subuid",
    uids: [{ container: 0, host: 1000, count: 1 }],
    gids: [{ container: 0, host: 1000, count: 1 }],
  },
  network: true,
  ipc: true,
  shmSize: 1 << 20,
  pid: false,
  hostname: "p",
  lockFd: 4,
  userFd: undefined,
  helper: undefined,
  attach: undefined,
  commands: [],
  remove: [],
};

const text = async (options: Partial<HolderOptions> = {}) =>
  await printPlan(await compileHolder({ ...OPTIONS, ...options }));

test("the process in the namespaces leaves the host's file systems before anybody is let in", async () => {
  const plan = await text();
  const order = ["unshare", "pivot_root", "umount2"].map((word) => plan.indexOf(word));
  expect(order.every((at) => at > 0)).toBe(true);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  // and only then the holder is told
  expect(plan.slice(plan.indexOf("umount2"))).toMatch(/send /);
});

test("it makes those namespaces that are shared, and no others", async () => {
  const flags = async (options: Partial<HolderOptions>) => /unshare .*/.exec(await text(options))?.[0] ?? "";
  const all = await flags({ pid: true });
  for (const name of ["NEWNET", "NEWIPC", "NEWUTS", "NEWPID", "NEWNS"]) expect(all).toContain(name);
  const none = await flags({ network: false, ipc: false, hostname: undefined });
  for (const name of ["NEWNET", "NEWIPC", "NEWUTS", "NEWPID"]) expect(none).not.toContain(name);
});

test("it keeps nothing of its starter's, and ends as its members do", async () => {
  const plan = await text({ remove: ["/run/user/1000/tsbox-1"] });
  expect(plan).toContain("setsid");
  const end = plan.slice(plan.indexOf("leave "));
  expect(end).toMatch(/hub [\s\S]*remove_tree .*tsbox-1[\s\S]*exit /);
});
