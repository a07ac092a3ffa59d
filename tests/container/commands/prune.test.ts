/** `tsbox container prune`, `image prune`, `system prune` and `system df`: what goes, what stays, and what is said. */
import { describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { Host, until } from "../../integration/detached/host.ts";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { executable, requires, subordinateIds, userNamespaces } from "../../support/skip.ts";

const it = requires(executable, busybox, userNamespaces, subordinateIds);
const FOREVER = ["sleep", "1000"];
const images = async (host: Host) => (await host.ok(["images", "-q"])).split("\n").filter(Boolean);
const listed = async (host: Host) =>
  (await host.ok(["ps", "-a", "--format", "{{.Names}}"])).split("\n").filter(Boolean);

describe("container prune", () => {
  it("waits for the monitor of one that has just ended", async () => {
    using host = new Host();
    const id = await host.start(["--name", "ended"], ["true"]);
    await host.ok(["wait", "ended"]);
    await using monitor = Bun.spawn(["flock", `${host.container("ended")}/lock`, "sh", "-c", "echo; sleep 0.2"], {
      stdout: "pipe",
    });
    await monitor.stdout.getReader().read();
    expect(await host.ok(["container", "prune", "-f"])).toContain(id.trim());
  });

  it("removes those that do not run, and tells how much there is again", async () => {
    using host = new Host();
    await host.start(["--name", "runs"], FOREVER);
    // files of a subordinate id, in a folder that only it may enter
    const script = "mkdir -m 700 /d; head -c 3000000 /dev/zero > /d/f; chown -R guest /d";
    const ended = await host.start(["--name", "ended"], ["sh", "-c", script]);
    await host.ok(["wait", "ended"]);
    const created = (await host.ok(["create", "--name", "created", host.image, "true"])).trim();
    const output = await host.ok(["container", "prune", "-f"]);
    expect(output).toMatch(/^Deleted Containers:\n([0-9a-f]{64}\n){2}\nTotal reclaimed space: 3MB\n$/);
    expect([ended, created].every((id) => output.includes(id))).toBe(true);
    expect(await listed(host)).toEqual(["runs"]);
    expect(readdirSync(`${host.storage}/containers/names`)).toEqual(["runs"]);
    expect(await host.ok(["container", "prune", "-f"])).toBe("Total reclaimed space: 0B\n");
    // by its short name, too
    const id = (await host.ok(["create", "--name", "short", host.image, "true"])).trim();
    expect(await host.ok(["prune", "-f"])).toBe(`Deleted Containers:\n${id}\n\nTotal reclaimed space: 0B\n`);
  });

  it("asks, and takes anything but y for no", async () => {
    using host = new Host();
    await host.ok(["create", "--name", "box", host.image, "true"]);
    for (const stdin of ["", "n\n", "\n", "yellow\n"]) {
      const { exitCode, stdout } = await host.run(["container", "prune"], { stdin });
      expect({ exitCode, stdout }).toEqual({
        exitCode: 0,
        stdout: "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ",
      });
    }
    expect(await listed(host)).toEqual(["box"]);
    const { stdout } = await host.run(["container", "prune"], { stdin: "y\n" });
    expect(stdout).toContain("[y/N] Deleted Containers:\n");
    expect(await listed(host)).toEqual([]);
  });

  it("keeps what a filter leaves", async () => {
    using host = new Host();
    for (const name of ["a", "b"])
      await host.ok(["create", "--name", name, "--label", `l=${name}`, host.image, "true"]);
    const prune = (filter: string) => host.ok(["container", "prune", "-f", "--filter", filter]);
    await prune("until=1h");
    await prune("label=l=c");
    expect((await listed(host)).sort()).toEqual(["a", "b"]);
    await prune("label!=l=a");
    expect(await listed(host)).toEqual(["a"]);
    await Bun.sleep(1100);
    await prune("until=1s");
    expect(await listed(host)).toEqual([]);
    expect((await host.run(["container", "prune", "-f", "--filter", "name=a"])).exitCode).toBe(125);
  });

  it("never removes one that is being made or started, however often it runs", async () => {
    using host = new Host();
    await host.ok(["pull", "-q", host.image]);
    let running = true;
    const pruning = (async () => {
      let count = 0;
      for (; running; count++) {
        const { exitCode, stderr } = await host.run(["system", "prune", "-a", "-f", "--volumes"]);
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      }
      return count;
    })();
    for (let round = 0; round < 4; round++) {
      const runs = await Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          i === 0
            ? host.run([
                "run",
                "--rm",
                "--network=none",
                "--pull=missing",
                "-v",
                "/data",
                host.image,
                "sh",
                "-c",
                "touch /data/x; echo ok",
              ])
            : host.run(["run", "-d", "--network=none", "-v", "/data", host.image, ...FOREVER]),
        ),
      );
      expect(runs.map(({ exitCode, stderr }) => ({ exitCode, failed: /cannot/.test(stderr) ? stderr : "" }))).toEqual(
        runs.map(() => ({ exitCode: 0, failed: "" })),
      );
    }
    running = false;
    expect(await pruning).toBeGreaterThan(2);
    expect(await listed(host)).toHaveLength(16);
    // and their volumes and layers are there
    for (const id of (await host.ok(["ps", "-q"])).trim().split("\n")) await host.ok(["exec", id, "touch", "/data/y"]);
  }, 120_000);

  it("keeps what is paused between two starts of a policy", async () => {
    using host = new Host();
    await host.start(["--name", "box", "--restart", "always"], ["sh", "-c", "exit 1"]);
    await until("it pauses", async () => (await host.ok(["ps", "-a", "--format", "{{.State}}"])) === "restarting\n");
    await host.ok(["container", "prune", "-f"]);
    expect(await listed(host)).toEqual(["box"]);
  });
});

describe("image prune", () => {
  it("removes images without names, with -a those without containers", async () => {
    using host = new Host();
    const other = writeBusyboxLayout(host.folder.join("other"), { config: { Cmd: ["true"], Labels: { keep: "me" } } });
    const old = host.folder.join("changing");
    const changing = writeBusyboxLayout(old, { config: { Cmd: ["one"] } });
    for (const image of [host.image, other, changing]) await host.ok(["pull", "-q", image]);
    const { rmSync } = await import("node:fs");
    rmSync(old, { recursive: true });
    writeBusyboxLayout(old, { config: { Cmd: ["two"] } });
    await host.ok(["pull", "-q", changing]);
    await host.ok(["create", "--name", "box", host.image, "true"]);
    expect(await host.ok(["image", "prune", "-f"])).toMatch(
      /^(Deleted Images:\ndeleted: sha256:[0-9a-f]{64}\n\n)?Total/,
    );
    expect(await images(host)).toHaveLength(3);
    await host.ok(["image", "prune", "-a", "-f", "--filter", "label!=keep"]);
    expect(await images(host)).toHaveLength(2);
    const output = await host.ok(["image", "prune", "-a", "-f"]);
    expect(output).toContain(`Deleted Images:\nuntagged: ${other}\ndeleted: sha256:`);
    // the layer is the container's, too
    expect(output).toMatch(/Total reclaimed space: [\d.]+k?B\n$/);
    await host.ok(["start", "-a", "box"]);
    await host.ok(["rm", "box"]);
    expect(await host.ok(["image", "prune", "-a", "-f"])).toMatch(/Total reclaimed space: [\d.]+MB\n$/);
    expect(await images(host)).toEqual([]);
    expect(readdirSync(`${host.storage}/blobs/sha256`)).toEqual([]);
  });
});

describe("system", () => {
  it("df tells what each kind takes, and what of it nothing needs", async () => {
    using host = new Host();
    const script = "head -c 2000000 /dev/zero > /f; head -c 500000 /dev/zero > /data/f";
    await host.start(["--name", "ended", "-v", "data:/data"], ["sh", "-c", script]);
    await host.ok(["wait", "ended"]);
    await host.start(["--name", "runs"], FOREVER);
    const rows = JSON.parse(await host.ok(["system", "df", "--format", "json"]));
    expect(rows).toMatchObject([
      { Type: "Images", TotalCount: "1", Active: "1", Reclaimable: "0B (0%)" },
      { Type: "Containers", TotalCount: "2", Active: "1", Size: "2MB", Reclaimable: "2MB (100%)" },
      { Type: "Local Volumes", TotalCount: "1", Active: "1", Size: "500kB", Reclaimable: "0B (0%)" },
      { Type: "Build Cache", TotalCount: "0" },
    ]);
    expect((await host.ok(["system", "df"])).split("\n")[0]?.split(/ {2,}/)).toEqual([
      "TYPE",
      "TOTAL",
      "ACTIVE",
      "SIZE",
      "RECLAIMABLE",
    ]);
    const details = await host.ok(["system", "df", "-v"]);
    expect(details).toMatch(/^data +1 +500kB$/m);
    expect(details).toMatch(/ {2}2MB .* ended$/m);
    await host.ok(["rm", "-f", "-a"]);
    const [image, , volume] = JSON.parse(await host.ok(["system", "df", "--format", "json"]));
    expect(image.Reclaimable).toBe(`${image.Size} (100%)`);
    expect(volume.Reclaimable).toBe("500kB (100%)");
  });

  it("prune removes what nothing needs, of each kind, and asks for all of it", async () => {
    using host = new Host();
    await host.start(["--name", "ended", "-v", "named:/n", "-v", "/anonymous"], ["sh", "-c", "true"]);
    await host.ok(["wait", "ended"]);
    await host.ok(["network", "create", "net"]);
    await host.ok(["volume", "create", "mine"]);
    const { stdout } = await host.run(["system", "prune", "-a", "--volumes"], { stdin: "no\n" });
    expect(stdout).toBe(`WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
  - all anonymous volumes not used by at least one container
  - all images without at least one container associated to them

Are you sure you want to continue? [y/N] `);
    const output = await host.ok(["system", "prune", "-a", "-f", "--volumes"]);
    const headings = [...output.matchAll(/^(Deleted .*):$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(["Deleted Containers", "Deleted Networks", "Deleted Volumes", "Deleted Images"]);
    expect(output).toMatch(/Total reclaimed space: [\d.]+MB\n$/);
    expect((await host.ok(["volume", "ls", "-q"])).trim().split("\n").sort()).toEqual(["mine", "named"]);
    expect(await host.ok(["network", "ls", "-q", "--filter", "type=custom"])).not.toContain("net");
    expect(await images(host)).toEqual([]);
  });
});
