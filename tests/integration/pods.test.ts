/** Pods through the executable: containers that share namespaces, and the holder that keeps those. */
import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { nameOwner } from "../../src/container/names.ts";
import { busybox } from "../support/busybox-image.ts";
import { freePort } from "../support/free-port.ts";
import { accessible, executable, program, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { TSBOX } from "../support/tsbox.ts";
import { Host, isProcess, until } from "./detached/host.ts";

const it = requires(executable, busybox, userNamespaces, subordinateIds);
const online = requires(
  executable,
  busybox,
  userNamespaces,
  subordinateIds,
  program("pasta"),
  accessible("/dev/net/tun"),
);

interface Holder {
  readonly pid: number;
  readonly holder: number;
}

class PodHost extends Host {
  folderOf(pod: string): string {
    return `${this.storage}/pods/${nameOwner(this.storage, "pods", pod)}`;
  }

  holder(pod: string): Holder {
    return JSON.parse(readFileSync(`${this.folderOf(pod)}/started.json`, "utf8"));
  }

  /** What is left of pods on disk. */
  pods(): string[] {
    const folder = `${this.storage}/pods`;
    return existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
  }

  override [Symbol.dispose](): void {
    Bun.spawnSync([TSBOX, "pod", "rm", "--force", "--all"], { env: this.env, cwd: this.home });
    super[Symbol.dispose]();
  }
}

const SERVE = ["sh", "-c", 'mkdir /w; echo "$0" >/w/index.html; exec httpd -f -p 8080 -h /w'];

describe("a pod", () => {
  it("gives its containers one network, host name and ipc, and each its own processes and files", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "--name", "web", "--add-host", "db:192.0.2.7"]);
    await host.ok(["run", "-d", "--pod", "web", "--name", "a", host.image, ...SERVE, "from a"]);
    const inside = (...command: string[]) => host.ok(["run", "--rm", "--pod", "web", host.image, ...command]);
    await until(
      "it serves",
      async () => (await host.run(["exec", "a", "wget", "-qO-", "127.0.0.1:8080"])).exitCode === 0,
    );
    expect(await inside("wget", "-qO-", "http://127.0.0.1:8080/")).toBe("from a\n");
    const links = (text: string) =>
      Object.fromEntries([...text.matchAll(/(\w+):\[(\d+)\]/g)].map(([, name, inode]) => [name, inode]));
    const namespaces = ["sh", "-c", "for n in net ipc uts user pid mnt; do readlink /proc/self/ns/$n; done"];
    const [one, two] = [links(await host.ok(["exec", "a", ...namespaces])), links(await inside(...namespaces))];
    for (const shared of ["net", "ipc", "uts", "user"]) expect(two[shared]).toBe(one[shared] ?? "");
    for (const own of ["pid", "mnt"]) expect(two[own]).not.toBe(one[own] ?? "");
    expect(await inside("hostname")).toBe("web\n");
    expect(await inside("grep", "db", "/etc/hosts")).toBe("192.0.2.7\tdb\n");
    expect(await inside("test", "!", "-e", "/w")).toBe("");
  });

  it("shares /dev/shm with ipc, of the pod's size; who does not share ipc has its own", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "--name", "p", "--shm-size", "1m"]);
    await host.ok(["run", "-d", "--pod", "p", "--name", "a", host.image, "sleep", "1000"]);
    const inside = (flags: readonly string[], script: string, pod = "p") =>
      host.ok(["run", "--rm", "--pod", pod, ...flags, host.image, "sh", "-c", script]);
    expect(await inside([], "echo one >/dev/shm/x; df /dev/shm | tail -n 1")).toMatch(/^shm +1024 /);
    expect(await inside(["--read-only", "--user", "1000"], "cat /dev/shm/x; echo two >/dev/shm/y")).toBe("one\n");
    expect(await host.ok(["exec", "a", "sh", "-c", "cat /dev/shm/y; grep -c ' /dev/shm ' /proc/mounts"])).toBe(
      "two\n1\n",
    );
    expect(await host.ok(["exec", "a", "grep", " /dev/shm ", "/proc/mounts"])).toContain(" rw,nosuid,nodev,noexec,");
    // what a container mounts itself counts more
    expect(await inside(["--tmpfs", "/dev/shm"], "ls /dev/shm")).toBe("");
    const refused = await host.run(["run", "--pod", "p", "--shm-size", "2m", host.image, "true"]);
    expect(refused.stderr).toContain("share its /dev/shm; give it to tsbox pod create");
    expect(await inside(["--shm-size", "3m"], "df /dev/shm | tail -n 1", "new:q")).toMatch(/^shm +3072 /);
    await host.ok(["pod", "create", "--network=none", "--share=net", "--name", "apart"]);
    await host.ok([
      "run",
      "-d",
      "--pod",
      "apart",
      "--name",
      "b",
      host.image,
      "sh",
      "-c",
      "touch /dev/shm/x; exec sleep 1000",
    ]);
    expect(await inside([], "ls /dev/shm", "apart")).toBe("");
    const sized = await host.run(["pod", "create", "--share=net", "--shm-size", "1m"]);
    expect(sized.stderr).toContain("do not share ipc");
  });

  it("of somebody with a single id can be entered by exec", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "--name", "p", "--userns=single"]);
    await host.ok(["run", "-d", "--pod", "p", "--userns=single", "--name", "a", host.image, "sleep", "1000"]);
    expect(await host.ok(["exec", "a", "id", "-u"])).toBe("0\n");
  });

  it("has a holder of under half a megabyte, which ends with the last container", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "--name", "p"]);
    await host.ok(["run", "-d", "--pod", "p", "--name", "a", host.image, "sleep", "1000"]);
    const { pid, holder } = host.holder("p");
    const resident = (process: number) =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${process}/status`, "utf8"))?.[1]);
    expect(resident(pid) + resident(holder)).toBeLessThan(512);
    await host.ok(["run", "--rm", "--pod", "p", host.image, "true"]);
    expect(isProcess(holder)).toBe(true);
    await host.ok(["stop", "-t", "0", "a"]);
    await until("the holder has ended", () => !isProcess(holder) && !isProcess(pid));
    expect(await host.ok(["pod", "ls", "--format", "{{.Name}} {{.Status}}"])).toBe("p Exited\n");
  });

  it("shows nothing of the host to a container that sees the process in its namespaces", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "--share=+pid", "--name", "p"]);
    await host.ok(["run", "-d", "--pod", "p", "--name", "a", host.image, "sleep", "1000"]);
    expect(await host.ok(["exec", "a", "ps", "-o", "args"])).toContain("sleep 1000");
    expect(await host.ok(["run", "--rm", "--pod", "p", host.image, "ps", "-o", "args"])).toContain("sleep 1000");
    const { pid } = host.holder("p");
    const look = [
      "run",
      "--rm",
      "--pod",
      "p",
      "--pid=host",
      "--privileged",
      host.image,
      "ls",
      "-A",
      `/proc/${pid}/root/`,
    ];
    expect(await host.run(look)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    // the pod's first process, which containers see, cannot be looked into at all
    const first = await host.run(["exec", "--privileged", "a", "ls", "/proc/1/root/", "/proc/1/fd/"]);
    expect(first.exitCode).not.toBe(0);
    expect(first.stdout.replace(/\/proc\/1\/fd\/:\n/, "").trim()).toBe("");
  });

  it("stops and starts with all of its containers, and is removed with them", async () => {
    using host = new PodHost();
    const id = (await host.ok(["pod", "create", "--network=none", "p"])).trim();
    for (const name of ["a", "b"]) await host.ok(["create", "--pod", "p", "--name", name, host.image, "sleep", "1000"]);
    const states = () => host.ok(["pod", "inspect", "-f", "{{range .Containers}}{{.Name}}={{.State}} {{end}}", "p"]);
    expect(await states()).toBe("a=created b=created \n");
    expect(await host.ok(["pod", "start", "p"])).toBe(`${id}\n`);
    expect(await states()).toBe("a=running b=running \n");
    expect(await host.run(["pod", "rm", "p"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("its container a is running"),
    });
    await host.ok(["kill", "a"]);
    await until("it has ended", async () => (await states()).startsWith("a=exited"));
    expect(await host.ok(["pod", "ls", "--filter", "status=degraded", "--format", "{{.Name}}"])).toBe("p\n");
    await host.ok(["pod", "restart", "-t", "0", "p"]);
    expect(await states()).toBe("a=running b=running \n");
    const { pid, holder } = host.holder("p");
    await host.ok(["pod", "stop", "-t", "0", id.slice(0, 10)]);
    expect([isProcess(pid), isProcess(holder)]).toEqual([false, false]);
    await host.ok(["pod", "rm", "p"]);
    expect([host.containers(), host.pods()]).toEqual([[], ["names"]]);
    expect((await host.run(["pod", "exists", "p"])).exitCode).toBe(1);
  });

  it("is started again after a SIGKILL of everything that it had", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "p"]);
    for (const name of ["a", "b"])
      await host.ok(["run", "-d", "--pod", "p", "--name", name, host.image, "sleep", "1000"]);
    const { pid, holder } = host.holder("p");
    const first = ["a", "b"].map((name) => host.pid(name));
    for (const one of [holder, host.monitor("a"), host.monitor("b")]) process.kill(one, "SIGKILL");
    await until("nothing runs", () => ![pid, holder, ...first].some(isProcess));
    expect(await host.ok(["pod", "ls", "--format", "{{.Status}}"])).toBe("Exited\n");
    await host.ok(["pod", "start", "p"]);
    expect(await host.ok(["pod", "ls", "--format", "{{.Status}}"])).toBe("Running\n");
  });

  it("whose holder alone was killed takes nobody in until it is restarted", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "p"]);
    await host.ok(["run", "-d", "--pod", "p", "--name", "a", host.image, "sleep", "1000"]);
    const { pid, holder } = host.holder("p");
    process.kill(holder, "SIGKILL");
    await until("it has ended", () => !isProcess(pid) && !isProcess(holder));
    const join = ["run", "--rm", "--pod", "p", host.image, "true"];
    expect(await host.run(join)).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining("a still runs in them; use: tsbox pod restart p"),
    });
    await host.ok(["pod", "restart", "-t", "0", "p"]);
    expect((await host.run(join)).exitCode).toBe(0);
  });

  it("has what its containers share said by itself: other words for it are one clear error", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "p"]);
    const given = [
      ["-p", "8080:80", "--publish"],
      ["--network", "host", "--network"],
      ["--dns", "192.0.2.1", "--dns"],
      ["--add-host", "a:192.0.2.1", "--add-host"],
      ["--hostname", "x", "--hostname"],
    ] as const;
    for (const [flag, value, named] of given) {
      const { exitCode, stderr } = await host.run(["run", "--rm", "--pod", "p", flag, value, host.image, "true"]);
      expect(stderr).toContain(`cannot use ${named} with --pod: the containers of pod p share its`);
      expect(exitCode).toBe(125);
    }
    expect(host.containers()).toEqual([]);
    expect((await host.run(["pod", "create", "p"])).stderr).toContain('cannot use name "p"');
    expect((await host.run(["run", "--pod", "nosuch", host.image, "true"])).stderr).toContain(
      'cannot find pod "nosuch"',
    );
  });

  it("is made by run --pod new:NAME, which then has the host name", async () => {
    using host = new PodHost();
    const args = ["run", "--rm", "--pod", "new:p", "--network=none", "--hostname=here", host.image, "hostname"];
    expect(await host.ok(args)).toBe("here\n");
    expect(await host.ok(["pod", "inspect", "-f", "{{.Hostname}} {{.NumContainers}}", "p"])).toBe("here 0\n");
    await host.ok(["pod", "create", "--replace", "--name=p", "--label=tier=web"]);
    expect(await host.ok(["pod", "ls", "--filter=label=tier=web", "--format={{.Name}} {{.Labels}}"])).toBe(
      "p tier=web\n",
    );
    expect((await host.ok(["pod", "prune", "-f"])).trim()).toHaveLength(64);
    expect(host.pods()).toEqual(["names"]);
  });

  it("takes several containers that start at once into the same namespaces", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "p"]);
    const names = ["a", "b", "c", "d"];
    await Promise.all(
      names.map((name) => host.ok(["run", "-d", "--pod", "p", "--name", name, host.image, "sleep", "1000"])),
    );
    const networks = await Promise.all(names.map((name) => host.ok(["exec", name, "readlink", "/proc/self/ns/net"])));
    expect(new Set(networks).size).toBe(1);
    expect(await host.ok(["pod", "top", "p"])).toMatch(/^CONTAINER .*\n(?:[abcd] .*sleep 1000\n){4}$/);
  });

  it("is removed beside containers that are about to join it, and nothing of them is left", async () => {
    using host = new PodHost();
    await host.ok(["run", "--rm", "--network=none", host.image, "true"]);
    for (let round = 0; round < 6; round++) {
      await host.ok(["pod", "create", "--network=none", "p"]);
      const begun = performance.now();
      const runs = [1, 2, 3].map(() => host.run(["run", "-d", "--pod", "p", host.image, "sleep", "1000"]));
      await Bun.sleep(round * 15);
      const { exitCode, stderr } = await host.run(["pod", "rm", "-f", "p"]);
      for (const run of await Promise.all(runs)) {
        if (run.exitCode !== 0) expect(run.stderr).toMatch(/^tsbox: cannot (find|use|join|start) /);
      }
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(performance.now() - begun).toBeLessThan(9500);
      await host.ok(["pod", "rm", "-f", "--ignore", "p"]);
      expect([host.containers(), host.pods()]).toEqual([[], ["names"]]);
    }
  });

  it("shows its containers' logs, each line with the container's name", async () => {
    using host = new PodHost();
    await host.ok(["pod", "create", "--network=none", "p"]);
    for (const name of ["a", "b"])
      await host.ok([
        "run",
        "-d",
        "--pod",
        "p",
        "--name",
        name,
        host.image,
        "sh",
        "-c",
        `echo from ${name}; echo err >&2`,
      ]);
    await until("they have ended", async () => (await host.ok(["pod", "ls", "--format={{.Status}}"])) === "Exited\n");
    const { stdout, stderr } = await host.run(["pod", "logs", "-f", "--names", "p"]);
    expect(stdout.split("\n").sort()).toEqual(["", "a from a", "b from b"]);
    expect(stderr.split("\n").sort()).toEqual(["", "a err", "b err"]);
    expect(await host.ok(["pod", "logs", "-c", "b", "p"])).toBe("from b\n");
    // the beginning of another's id is no reason to show that
    const beginning = (await host.ok(["inspect", "--format", "{{.Id}}", "b"])).slice(0, 8);
    await host.ok(["rename", "a", beginning]);
    expect(await host.ok(["pod", "logs", "-c", beginning, "p"])).toBe("from a\n");
  });

  online("publishes its ports once, whichever container answers", async () => {
    using host = new PodHost();
    const port = freePort();
    await host.ok(["pod", "create", "--name", "p", "-p", `127.0.0.1:${port}:8080`]);
    const ask = async () => await (await fetch(`http://127.0.0.1:${port}/`)).text();
    await host.ok(["run", "-d", "--pod", "p", "--name", "a", host.image, ...SERVE, "from a"]);
    await until("it answers", async () => (await ask().catch(() => "")) === "from a\n");
    await host.ok(["rm", "-f", "a"]);
    await host.ok(["run", "-d", "--pod", "p", "--name", "b", host.image, ...SERVE, "from b"]);
    await until("the other answers", async () => (await ask().catch(() => "")) === "from b\n");
    const { holder } = host.holder("p");
    await host.ok(["pod", "stop", "-t", "0", "p"]);
    expect(isProcess(holder)).toBe(false);
    await expect(ask()).rejects.toThrow();
  });

  online("is one member of a network with a name", async () => {
    using host = new PodHost();
    await host.ok(["network", "create", "net"]);
    await host.ok(["pod", "create", "--network=net", "--name", "p"]);
    await host.ok(["run", "-d", "--pod", "p", "--name", "a", host.image, ...SERVE, "from a"]);
    const ask = ["run", "--rm", "--network=net", host.image, "wget", "-qO-", "http://p:8080/"];
    await until("it answers by name", async () => (await host.run(ask)).stdout === "from a\n");
    expect(await host.ok(["run", "--rm", "--pod", "p", host.image, "wget", "-qO-", "http://p:8080/"])).toBe("from a\n");
    await host.ok(["pod", "rm", "-f", "p"]);
    await host.ok(["network", "rm", "net"]);
  });
});
