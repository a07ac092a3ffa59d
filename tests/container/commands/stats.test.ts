/** `tsbox stats`, here without cgroups; tests/vm/usage.test.ts has those. */
import { describe, expect } from "bun:test";
import { Host, until } from "../../integration/detached/host.ts";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";

const it = requires(executable, busybox, userNamespaces);

const once = async (host: Host, ...args: string[]) =>
  JSON.parse(await host.ok(["stats", "--no-stream", "--format", "json", ...args])) as Record<string, string>[];

describe("stats", () => {
  it("tells of processor time, memory and processes", async () => {
    using host = new Host();
    await host.start(["--name", "busy"], ["sh", "-c", "while :; do :; done"]);
    await host.start(["--name", "idle"], ["sh", "-c", "sleep 1001 & sleep 1000; true"]);
    await until("all run", async () => (await host.ok(["top", "idle"])).includes("sleep 1000"));
    const rows = await once(host);
    expect(rows.map(({ Name }) => Name)).toEqual(["idle", "busy"]);
    const [idle, busy] = rows;
    // other tests run beside this one
    expect(Number.parseFloat(busy?.CPUPerc ?? "")).toBeWithin(5, 115);
    expect(Number.parseFloat(idle?.CPUPerc ?? "")).toBeLessThan(5);
    expect([idle?.PIDs, busy?.PIDs]).toEqual(["3", "1"]);
    expect(busy?.MemUsage).toMatch(/^[\d.]+[KM]iB \/ [\d.]+[GT]iB$/);
    expect(Number.parseFloat(busy?.MemUsage ?? "0")).toBeGreaterThan(0);
    expect(busy?.NetIO).toBe("0B / 0B");
    expect(busy?.ID).toHaveLength(12);
  });

  it("says in one line what no cgroup has counted", async () => {
    using host = new Host();
    await host.start(["--name", "one"], ["sleep", "1000"]);
    await host.start(["--name", "two"], ["sleep", "1000"]);
    const { stdout, stderr } = await host.run(["stats", "--no-stream"]);
    expect(stdout.split("\n")[0]?.split(/ {2,}/)).toEqual([
      "CONTAINER ID",
      "NAME",
      "CPU %",
      "MEM USAGE / LIMIT",
      "MEM %",
      "NET I/O",
      "BLOCK I/O",
      "PIDS",
    ]);
    expect(stdout.trimEnd().split("\n")).toHaveLength(3);
    const hasCgroups = host.read("one", "started.json").includes("cgroup");
    if (!hasCgroups)
      expect(stderr).toMatch(
        /^tsbox: no cgroup counts processor time, memory, block I\/O, the number of processes here: .*\n$/,
      );
  });

  it("shows those that do not run when they are named, or with --all", async () => {
    using host = new Host();
    const id = await host.start(["--name", "box"], ["true"]);
    await host.ok(["wait", "box"]);
    expect(await once(host)).toEqual([]);
    const [row] = await once(host, "box", "--no-trunc");
    expect(row).toMatchObject({ ID: id, CPUPerc: "0.00%", MemUsage: "0B / 0B", PIDs: "0" });
    expect(await once(host, "--all")).toHaveLength(1);
    expect((await host.run(["stats", "--no-stream", "nosuch"])).exitCode).toBe(1);
  });

  it("keeps a screen up to date until Ctrl-C, and leaves the cursor visible", async () => {
    using host = new Host();
    await host.start(["--name", "box"], ["sleep", "1000"]);
    await using session = host.terminal(["stats"]);
    await session.see(/box/);
    // a container that starts meanwhile
    await host.start(["--name", "later"], ["sleep", "1000"]);
    await session.see(/later/);
    session.type("\x03");
    expect(await session.exited).toBe(0);
    expect(session.screen()).toEndWith("\x1b[?25h");
  });
});
