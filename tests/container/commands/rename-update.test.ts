/** `tsbox rename` and `tsbox update`: what is written down of containers that are there. */
import { describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { Host, until } from "../../integration/detached/host.ts";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";

const it = requires(executable, busybox, userNamespaces);
const FOREVER = ["sleep", "1000"];
const names = (host: Host) => readdirSync(`${host.storage}/containers/names`).sort();
const listed = async (host: Host) =>
  (await host.ok(["ps", "-a", "--format", "{{.Names}}"])).split("\n").filter(Boolean);

describe("rename", () => {
  it("takes the old name away at once, also while the container runs and when it is started again", async () => {
    using host = new Host();
    const id = await host.start(["--name", "web"], FOREVER);
    expect(await host.ok(["rename", "web", "old"])).toBe("");
    expect(await listed(host)).toEqual(["old"]);
    expect(names(host)).toEqual(["old"]);
    expect((await host.run(["stop", "-t", "0", "web"])).exitCode).toBe(1);
    const second = await host.start(["--name", "web"], FOREVER);
    expect(second).not.toBe(id);
    await host.ok(["restart", "-t", "0", "old"]);
    expect((await listed(host)).sort()).toEqual(["old", "web"]);
    await host.ok(["rm", "-f", "old"]);
    expect(names(host)).toEqual(["web"]);
  });

  it("refuses a name that another has, one that none can have, and the same one", async () => {
    using host = new Host();
    await host.start(["--name", "one"], FOREVER);
    await host.start(["--name", "two"], FOREVER);
    expect((await host.run(["rename", "one", "two"])).stderr).toContain('cannot use name "two": the container ');
    expect((await host.run(["rename", "one", "../x"])).stderr).toContain('cannot use name "../x"');
    expect((await host.run(["rename", "one", "one"])).stderr).toBe(
      "tsbox: cannot rename container one: that is its name already\n",
    );
    expect((await host.run(["rename", "nosuch", "x"])).exitCode).toBe(1);
    expect((await host.run(["rename", "one"])).exitCode).toBe(125);
    expect(names(host)).toEqual(["one", "two"]);
  });

  it("of one container to many names at once leaves it one, and of many to one name lets one have it", async () => {
    using host = new Host();
    await Promise.all(["a", "b", "c", "d"].map((name) => host.start(["--name", name], FOREVER)));
    const many = await Promise.all(["a", "b", "c", "d"].map((name) => host.run(["rename", name, "same"])));
    expect(many.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1, 1, 1]);
    expect(names(host)).toHaveLength(4);
    await Promise.all(["u", "v", "w", "x"].map((name) => host.run(["rename", "same", name])));
    const after = await listed(host);
    expect(after).toHaveLength(4);
    expect(names(host)).toEqual(after.sort());
  });

  it("of one that runs with --rm keeps the old name until it ends, and never takes another's away", async () => {
    using host = new Host();
    await host.start(["--name", "web", "--rm"], FOREVER);
    await host.ok(["rename", "web", "old"]);
    expect(await listed(host)).toEqual(["old"]);
    // its monitor will remove this name
    expect((await host.run(["create", "--name", "web", host.image, "true"])).exitCode).not.toBe(0);
    await host.ok(["stop", "-t", "0", "web"]);
    await until("it is gone", () => host.containers().length === 0);
    await host.ok(["create", "--name", "web", host.image, "true"]);
    await host.ok(["create", "--name", "old", host.image, "true"]);
    expect(names(host)).toEqual(["old", "web"]);
  });

  it("that was cut short by a kill leaves a container that answers to both names", async () => {
    using host = new Host();
    const id = await host.start(["--name", "web"], FOREVER);
    const { symlinkSync } = await import("node:fs");
    symlinkSync(id, `${host.storage}/containers/names/half`);
    expect(await host.ok(["port", "half"])).toBe("");
    await host.ok(["rename", "half", "whole"]);
    await host.ok(["rm", "-f", "whole"]);
    await host.ok(["container", "prune", "-f"]);
    expect(names(host)).toEqual([]);
  });
});

describe("update", () => {
  it("writes down limits and the restart policy for later starts", async () => {
    using host = new Host();
    await host.ok(["create", "--name", "box", host.image, "true"]);
    const update = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "20", "--restart", "on-failure:2"];
    expect(await host.ok(["update", ...update, "box"])).toBe("box\n");
    const { options } = JSON.parse(host.read("box", "options.json"));
    expect(options.resources).toEqual({
      memory: { limit: 2 ** 26, swap: 2 ** 27 },
      cpu: { quota: 50000, period: 100000 },
      pids: { limit: 20 },
    });
    expect(options.restart).toEqual({ name: "on-failure", maximum: 2 });
    await host.ok(["update", "--memory", "32m", "--cpu-shares", "512", "--memory-reservation", "16m", "box"]);
    expect(JSON.parse(host.read("box", "options.json")).options.resources).toEqual({
      memory: { limit: 2 ** 25, swap: 2 ** 26, reservation: 2 ** 24 },
      cpu: { quota: 50000, period: 100000, shares: 512 },
      pids: { limit: 20 },
    });
    await host.ok(["update", "--memory-swap", "-1", "box"]);
    await host.ok(["update", "--memory", "48m", "box"]);
    // limited in a way of its own
    expect(JSON.parse(host.read("box", "options.json")).options.resources.memory.swap).toBe(-1);
    expect(JSON.parse(host.read("box", "container.json")).restart).toEqual({ name: "on-failure", maximum: 2 });
  });

  it("of the policy of one that runs ends its restarts, or begins them with its next start and says so", async () => {
    using host = new Host();
    await host.start(["--name", "always", "--restart", "always"], ["sh", "-c", "sleep 0.2"]);
    await host.ok(["update", "--restart", "no", "always"]);
    await until("it has ended for good", async () => (await host.ok(["ps", "-q"])) === "");
    await host.start(["--name", "never"], FOREVER);
    const { stdout, stderr } = await host.run(["update", "--restart", "always", "never"]);
    expect(stdout).toBe("never\n");
    expect(stderr).toBe(
      "tsbox: container never was started without a restart policy: the new one is kept from its next start on\n",
    );
    await host.ok(["restart", "-t", "0", "never"]);
    const pid = host.pid("never");
    process.kill(pid, "SIGKILL");
    const runsAgain = async () => {
      const state = await host.ok(["ps", "-a", "--filter", "name=never", "--format", "{{.State}} {{.Pid}}"]);
      return state.startsWith("running ") && state !== `running ${pid}\n`;
    };
    await until("it runs again", runsAgain);
  });

  it("refuses what cannot be, and changes nothing then", async () => {
    using host = new Host();
    await host.start(["--name", "box", "--rm"], FOREVER);
    const before = [host.read("box", "options.json"), host.read("box", "container.json")];
    expect((await host.run(["update", "--restart", "always", "box"])).stderr).toContain(
      "it is removed when it ends (--rm)",
    );
    if (!host.read("box", "started.json").includes("cgroup"))
      expect((await host.run(["update", "--memory", "64m", "box"])).stderr).toContain(
        "cannot update container box: it runs without a cgroup, because none is delegated to you",
      );
    expect((await host.run(["update", "--cpus", "1", "--cpu-quota", "5", "box"])).exitCode).toBe(125);
    expect((await host.run(["update", "box"])).stderr).toContain("nothing to change");
    const both = await host.run(["update", "--restart", "no", "nosuch", "box"]);
    expect(both).toMatchObject({ exitCode: 1, stdout: "box\n" });
    expect(JSON.parse(host.read("box", "options.json")).options).toEqual({
      ...JSON.parse(before[0] ?? "").options,
      restart: { name: "no", maximum: 0 },
    });
  });
});
