/** Labels of security modules, as plans: the kernels of the tests have neither module. */
import { expect, test } from "bun:test";
import type { Process } from "../../../src/oci/index.ts";
import { PlanBuilder, printPlan } from "../../../src/plan/index.ts";
import { addLabels, labelOption, openLabels } from "../../../src/runtime/labels.ts";

const [apparmor, selinux] = [
  { apparmor: true, selinux: false },
  { apparmor: false, selinux: true },
];

async function plan(labels: Partial<Process>, modules: { apparmor: boolean; selinux: boolean }): Promise<string[]> {
  const builder = new PlanBuilder();
  const outside = builder.program("outside");
  const process = { user: { uid: 0, gid: 0 }, cwd: "/", ...labels };
  const opened = openLabels(outside, process, modules);
  const inside = builder.program("inside", outside);
  addLabels(inside, opened);
  const text = await printPlan(builder.encode());
  return text
    .split("\n")
    .filter((line) => /^ +\d/.test(line))
    .map((line) => line.trim().replace(/^\d+ +| +#.*$/g, ""));
}

test("AppArmor's profile goes to its own file, or to the one that older kernels have, by the host's procfs", async () => {
  expect(await plan({ apparmorProfile: "docker-default" }, apparmor)).toEqual([
    'openat2 out=#4 dir=- path="/proc" flags=O_PATH|O_DIRECTORY mode=00 resolve=0',
    "require_fs fd=#4 magic=PROC_SUPER_MAGIC",
    'write_file dir=#4 path="self/attr/apparmor/exec" data="exec docker-default" flags=O_WRONLY  [if missing, go to 2]',
    "jump  [go to 3]",
    'write_file dir=#4 path="self/attr/exec" data="exec docker-default" flags=O_WRONLY',
    "close fd=#4",
  ]);
});

test("SELinux' label goes to the next execve", async () => {
  const label = "system_u:system_r:container_t:s0:c1,c2";
  const steps = await plan({ selinuxLabel: label }, selinux);
  expect(steps.slice(2)).toEqual([
    `write_file dir=#4 path="self/attr/exec" data="${label}" flags=O_WRONLY`,
    "close fd=#4",
  ]);
});

test("no label, no step; a label without its module is refused by name", async () => {
  expect(await plan({ apparmorProfile: "", selinuxLabel: "" }, apparmor)).toEqual([]);
  expect(await plan({ apparmorProfile: "unconfined" }, selinux)).toEqual([]);
  expect((await plan({ apparmorProfile: "unconfined" }, apparmor)).length).toBeGreaterThan(0);
  await expect(plan({ apparmorProfile: "x" }, selinux)).rejects.toThrow(
    "process.apparmorProfile x: AppArmor is not enabled",
  );
  await expect(plan({ selinuxLabel: "x" }, apparmor)).rejects.toThrow("process.selinuxLabel x: SELinux is not enabled");
});

test("a file system takes the label of mounts as it is, commas included, where its kind has labels", () => {
  const config = { ociVersion: "1.3.0", linux: { mountLabel: "u:r:t:s0:c1,c2" } };
  expect(labelOption(config, "tmpfs", selinux)).toBe("context=u:r:t:s0:c1,c2");
  expect(labelOption(config, "proc", selinux)).toBeUndefined();
  expect(labelOption({ ociVersion: "1.3.0", linux: { mountLabel: "" } }, "tmpfs", apparmor)).toBeUndefined();
  expect(() => labelOption(config, "tmpfs", apparmor)).toThrow(
    "linux.mountLabel u:r:t:s0:c1,c2: SELinux is not enabled",
  );
});
