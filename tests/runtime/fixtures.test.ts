/**
 * Bundles of other people's: `tests/fixtures/configs/` has config.json files as podman, buildah, containerd, Docker, runc, crun
 * and oci-runtime-tool write them (`collect.sh` there makes them anew). Each is understood and becomes a plan.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseRuntimeConfig } from "../../src/oci/index.ts";
import { printPlan } from "../../src/plan/index.ts";
import { createContainer } from "../../src/runtime/lifecycle/index.ts";
import { temporaryFolder } from "../support/tmp.ts";

const FOLDER = join(import.meta.dir, "../fixtures/configs");
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.slice(0, -".json".length));

const fixture = (name: string) => readFileSync(join(FOLDER, `${name}.json`), "utf8");

/** The plan of `create` as text. Stand-ins are made for the root file system and for sources of mounts that are gone. */
async function plan(name: string): Promise<string> {
  using folder = temporaryFolder();
  mkdirSync(folder.join("bundle/rootfs"), { recursive: true });
  const config = JSON.parse(fixture(name));
  config.root.path = "rootfs";
  for (const mount of config.mounts) {
    if (!mount.source?.startsWith("/") || existsSync(mount.source)) continue;
    mount.source = folder.join(`source-${config.mounts.indexOf(mount)}`);
    if (/hosts|hostname|resolv.conf|containerenv|docker-init/.test(mount.destination)) writeFileSync(mount.source, "");
    else mkdirSync(mount.source);
  }
  // engines of root write none; without root there is no container without
  if (process.getuid?.() !== 0 && !config.linux.namespaces.some(({ type }: { type: string }) => type === "user")) {
    config.linux.namespaces.push({ type: "user" });
    config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  }
  writeFileSync(folder.join("bundle/config.json"), JSON.stringify(config));
  const bytes = await createContainer({
    root: folder.join("state"),
    id: "box",
    bundle: folder.join("bundle"),
    mode: "create",
    keep: false,
    pidFile: undefined,
    consoleSocket: config.process.terminal === true ? folder.join("console") : undefined,
    pidfdSocket: undefined,
    preserveFds: 0,
    environment: [],
    noPivot: false,
    noNewKeyring: false,
    cgroupManager: "cgroupfs",
    log: undefined,
    explain: true,
  });
  return (await printPlan(bytes)).replaceAll(folder.path, "FOLDER");
}

/** What tsbox refuses, and in which words. */
const REFUSED: Record<string, string | RegExp> = {
  // crun makes up mappings for a user namespace that has none; runc refuses it as well
  "crun-spec-rootless": "cannot run: linux.uidMappings: a new user namespace needs at least one",
  // whichever this host has not
  "oci-runtime-tool": /cannot run: (process\.apparmorProfile \S+: AppArmor is not|linux\.intelRdt: no resctrl)/,
};

describe("config.json made by others", () => {
  test("there are fixtures of each engine", () => {
    const engines = ["podman-root", "podman-rootless", "buildah", "ctr", "docker", "runc", "crun", "oci-runtime-tool"];
    expect(engines.filter((engine) => !names.some((name) => name.startsWith(engine)))).toEqual([]);
  });

  test.each(names)("%s is understood, with nothing lost", async (name) => {
    const config = await parseRuntimeConfig(fixture(name), name);
    const { process, mounts, linux } = JSON.parse(fixture(name));
    expect(config.process?.args).toEqual(process.args);
    expect(config.process?.env).toEqual(process.env);
    expect(config.mounts?.map(({ destination }) => destination)).toEqual(
      mounts.map((mount: { destination: string }) => mount.destination),
    );
    expect(config.linux?.namespaces).toEqual(linux.namespaces);
  });

  test.each(Object.keys(REFUSED))("%s is refused with the field that is the reason", async (name) => {
    await expect(plan(name)).rejects.toThrow(REFUSED[name]);
  });

  test.each(names.filter((name) => REFUSED[name] === undefined))(
    "%s becomes a plan with each of its mounts, in order",
    async (name) => {
      const text = await plan(name);
      const { process, mounts, hostname } = JSON.parse(fixture(name));
      let at = 0;
      for (const { destination } of mounts) {
        const found = text.indexOf(destination, at);
        expect({ destination, found: found >= 0 }).toEqual({ destination, found: true });
        at = found;
      }
      for (const word of process.args) expect(text).toContain(JSON.stringify(word).slice(1, -1));
      if (hostname !== undefined) expect(text).toContain(hostname);
    },
  );
});
