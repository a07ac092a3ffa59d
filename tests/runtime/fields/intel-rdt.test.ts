/** `linux.intelRdt`. CI's processors have no resctrl: a folder stands in for it, so that what is written is seen, not what it does. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { LinuxIntelRdt, RuntimeConfig } from "../../../src/oci/index.ts";
import { PlanBuilder, printPlan } from "../../../src/plan/index.ts";
import { addIntelRdt, addIntelRdtTask, removeIntelRdt, schemataHave } from "../../../src/runtime/intel-rdt.ts";
import { runBundle } from "../../support/run-bundle.ts";
import { requires } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const config = (intelRdt: LinuxIntelRdt): RuntimeConfig => ({ ociVersion: "1.3.0", linux: { intelRdt } });

/** What a plan does to the file system, as `mkdir PATH` and `PATH < TEXT`. */
async function steps(folder: string, intelRdt: LinuxIntelRdt, task = false): Promise<string[]> {
  const plan = new PlanBuilder();
  const outside = plan.program("outside");
  if (task) addIntelRdtTask(outside, config(intelRdt), "box", folder);
  else addIntelRdt(outside, config(intelRdt), "box", folder);
  const text = (await printPlan(plan.encode())).replaceAll(folder, "");
  return [...text.matchAll(/(mkdirat|write_file) .*?path="([^"]*)"(?:.*?data="((?:[^"\\]|\\.)*)")?/g)].map(
    ([, name, path, data]) => (name === "mkdirat" ? `mkdir ${path}` : `${path} < ${data}`),
  );
}

describe("linux.intelRdt", () => {
  test("without closID there is a group of the container's name, which goes with it", async () => {
    using folder = temporaryFolder();
    const rdt = { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20", schemata: ["L2:0=3"], enableMonitoring: true };
    expect(await steps(folder.path, rdt)).toEqual([
      "mkdir /box",
      "/box/schemata < L3:0=f\\n",
      "/box/schemata < MB:0=20\\n",
      "/box/schemata < L2:0=3\\n",
      "mkdir /box/mon_groups/box",
      "/box/tasks < {pid}",
      "/box/mon_groups/box/tasks < {pid}",
    ]);
    mkdirSync(folder.join("box"));
    removeIntelRdt(config({ l3CacheSchema: "L3:0=f" }), "box", folder.path);
    expect(existsSync(folder.join("box"))).toBeFalse();
  });

  test("a group by name is made when it has schemas, used when it is there, and stays", async () => {
    using folder = temporaryFolder();
    const gold = { closID: "gold", schemata: ["L3:0=f"] };
    expect(await steps(folder.path, gold)).toEqual([
      "mkdir /gold",
      "/gold/schemata < L3:0=f\\n",
      "/gold/tasks < {pid}",
    ]);
    await expect(steps(folder.path, { closID: "gold" })).rejects.toThrow(
      "linux.intelRdt.closID: the host has no group",
    );
    mkdirSync(folder.join("gold/mon_groups/box"), { recursive: true });
    expect(await steps(folder.path, { closID: "gold" })).toEqual(["/gold/tasks < {pid}"]);
    expect(await steps(folder.path, { closID: "/" })).toEqual(["/tasks < {pid}"]);
    removeIntelRdt(config({ closID: "gold", enableMonitoring: true }), "box", folder.path);
    expect([existsSync(folder.join("gold")), existsSync(folder.join("gold/mon_groups/box"))]).toEqual([true, false]);
  });

  test("a group that is there with another schema is refused", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.join("gold"));
    writeFileSync(folder.join("gold/schemata"), "    MB:0=100;1=100\n    L3:0=00f;1=0f0\n");
    expect(await steps(folder.path, { closID: "gold", l3CacheSchema: "L3:1=f0" })).toHaveLength(2);
    await expect(steps(folder.path, { closID: "gold", l3CacheSchema: "L3:1=ff" })).rejects.toThrow(
      "linux.intelRdt: the group gold of the host has not L3:1=ff",
    );
  });

  test("a process that comes later joins the groups", async () => {
    using folder = temporaryFolder();
    const joined = await steps(folder.path, { schemata: ["L3:0=f"], enableMonitoring: true }, true);
    expect(joined).toEqual(["/box/tasks < {pid}", "/box/mon_groups/box/tasks < {pid}"]);
  });

  test("schemas are compared by what they mean", () => {
    const there = "    MB:0=100;1= 50\nL3:0=7ff;1=01f\n";
    for (const same of ["L3:0=7FF", "L3:1=1f;0=7ff", "MB:1=50\nL3:1=1f", ""])
      expect(schemataHave(there, same)).toBeTrue();
    for (const other of ["L3:0=7f", "L3:2=7ff", "L2:0=7ff"]) expect(schemataHave(there, other)).toBeFalse();
  });

  const met = () => !existsSync("/sys/fs/resctrl/schemata");
  requires({ what: "a kernel without resctrl", inCI: false, met })("is refused by name where there is none", () => {
    const { exitCode, stderr } = runBundle("true", {
      asRoot: process.getuid?.() === 0,
      edit: (bundle) => {
        bundle.linux.intelRdt = { closID: "gold" };
      },
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("linux.intelRdt: no resctrl file system is mounted");
  });
});
