/** Containers that outlive the command that made them, from `run -d` to `rm`. */
import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { Host, isProcess, until, waitsFor } from "./host.ts";

const it = requires(executable, busybox, userNamespaces);
const FOREVER = ["sleep", "1000"];

describe("run -d", () => {
  it("prints the id, and the container goes on without the command", async () => {
    using host = new Host();
    const id = await host.start(["--name", "web"], FOREVER);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(isProcess(host.pid("web"))).toBe(true);
    // in a session of its own, with nothing of its caller's open
    const monitor = host.monitor("web");
    const stat = readFileSync(`/proc/${monitor}/stat`, "utf8");
    const [, , group, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    expect([group, session]).toEqual([String(monitor), String(monitor)]);
    expect(readFileSync(`/proc/${monitor}/cmdline`, "latin1").startsWith("tsbox\0")).toBe(true);
  });

  it("is a small process, beside the container's own", async () => {
    using host = new Host();
    await host.start(["--name", "box"], ["sh", "-c", "echo ready; exec sleep 1000"]);
    await until("it has written", async () => (await host.ok(["logs", "box"])) === "ready\n");
    const status = readFileSync(`/proc/${host.monitor("box")}/status`, "utf8");
    expect(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1])).toBeLessThan(512);
  });

  it("lets go of the caller's pipes", async () => {
    using host = new Host();
    const child = Bun.spawnSync(
      [
        "sh",
        "-c",
        'id=$("$0" run -d --network=none "$1" sleep 1000) && echo "got $id" | cut -c1-10',
        `${import.meta.dir}/../../../dist/tsbox`,
        host.image,
      ],
      { env: host.env, timeout: 20_000 },
    );
    expect(child.stdout.toString()).toMatch(/^got [0-9a-f]{6}\n$/);
  });

  it("says what cannot be run, with Docker's exit status, and leaves nothing", async () => {
    using host = new Host();
    const run = (program: string) => host.run(["run", "-d", "--network=none", "--name", "box", host.image, program]);
    expect(await run("nosuch")).toMatchObject({ exitCode: 127, stdout: "" });
    expect(await run("/etc/passwd")).toMatchObject({ exitCode: 126, stdout: "" });
    expect(host.containers()).toEqual([]);
    expect(readdirSync(`${host.storage}/containers/names`)).toEqual([]);
  });

  it("--rm removes it when it ends, --cidfile keeps its id", async () => {
    using host = new Host();
    const id = await host.start(
      ["--rm", "--cidfile", host.folder.join("id")],
      ["sh", "-c", "read x </dev/zero; exit 3"],
    );
    expect(readFileSync(host.folder.join("id"), "utf8")).toBe(id);
    const waiting = host.spawn(["wait", id]);
    await until("it waits", () => waitsFor(waiting.pid));
    await host.ok(["kill", id]);
    expect(await new Response(waiting.stdout).text()).toBe("137\n");
    await until("it is removed", () => host.containers().length === 0);
  });

  it("is given a name that nobody has", async () => {
    using host = new Host();
    const ids = await Promise.all(Array.from({ length: 5 }, () => host.start([], FOREVER)));
    const names = readdirSync(`${host.storage}/containers/names`);
    expect(names).toHaveLength(5);
    for (const name of names) expect(name).toMatch(/^[a-z]+_[a-z]+\d*$/);
    expect(new Set(ids).size).toBe(5);
  });
});

describe("create, start, stop, restart, kill, wait, rm", () => {
  it("create makes it, start runs it, wait tells how it ended, start runs it again", async () => {
    using host = new Host();
    const id = (
      await host.ok(["create", "--network=none", "--name", "job", host.image, "sh", "-c", "echo run >>/runs; exit 4"])
    ).trim();
    expect(await host.ok(["start", "job"])).toBe("job\n");
    expect(await host.ok(["wait", "job", id.slice(0, 12)])).toBe("4\n4\n");
    expect(await host.ok(["start", id])).toBe(`${id}\n`);
    expect(await host.ok(["wait", "job"])).toBe("4\n");
    expect(readFileSync(`${host.container("job")}/upper/runs`, "utf8")).toBe("run\nrun\n");
    expect(await host.ok(["rm", "job"])).toBe("job\n");
    expect(host.containers()).toEqual([]);
  });

  it("wait tells how a container ended that went with its end, also one in the foreground", async () => {
    using host = new Host();
    const run = ["run", "--rm", "-i", "--network=none", "--name", "box", host.image, "sh", "-c", "read x; exit 6"];
    const running = host.spawn(run);
    await until("it runs", async () => (await host.ok(["ps", "-q"])) !== "");
    const waiting = host.spawn(["wait", "box"]);
    await until("it waits", () => waitsFor(waiting.pid));
    await running.stdin.end();
    expect(await running.exited).toBe(6);
    const [told, said] = await Promise.all([new Response(waiting.stdout).text(), new Response(waiting.stderr).text()]);
    expect([told, said]).toEqual(["6\n", ""]);
    expect(host.containers()).toEqual([]);
  });

  it("stop sends the stop signal, waits, and kills", async () => {
    using host = new Host();
    const names = ["polite", "deaf", "other"];
    await host.start(["--name", "polite"], ["sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"]);
    await host.start(
      ["--name", "deaf", "--stop-timeout", "1"],
      ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"],
    );
    await host.start(
      ["--name", "other", "--stop-signal", "USR1"],
      ["sh", "-c", "trap 'exit 6' USR1; echo up; while :; do sleep 0.05; done"],
    );
    for (const name of names) await until("its trap is set", async () => (await host.ok(["logs", name])) === "up\n");
    expect(await host.ok(["stop", "polite", "deaf", "other"])).toBe("polite\ndeaf\nother\n");
    expect(await host.ok(["wait", "polite", "deaf", "other"])).toBe("5\n137\n6\n");
    // one that does not run is no failure
    expect(await host.ok(["stop", "polite"])).toBe("polite\n");
  });

  it("restart of one that runs, and of one that does not", async () => {
    using host = new Host();
    await host.start(["--name", "web"], FOREVER);
    const before = host.pid("web");
    expect(await host.ok(["restart", "-t", "0", "web"])).toBe("web\n");
    const after = host.pid("web");
    expect(after).not.toBe(before);
    await host.ok(["stop", "-t", "0", "web"]);
    await host.ok(["restart", "web"]);
    expect(isProcess(host.pid("web"))).toBe(true);
  });

  it("kill sends any signal, and says that one does not run", async () => {
    using host = new Host();
    await host.start(["--name", "box"], ["sh", "-c", "trap 'echo hup' HUP; echo up; while :; do sleep 0.05; done"]);
    await until("its trap is set", async () => (await host.ok(["logs", "box"])) === "up\n");
    await host.ok(["kill", "-s", "HUP", "box"]);
    await until("it got it", async () => (await host.ok(["logs", "box"])) === "up\nhup\n");
    await host.ok(["kill", "box"]);
    expect(await host.ok(["wait", "box"])).toBe("137\n");
    expect(await host.run(["kill", "box"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("is not running"),
    });
    expect(await host.run(["kill", "-s", "NOSUCH", "box"])).toMatchObject({ exitCode: 125 });
  });

  it("rm refuses what runs, -f does not, and a hundred are removed at once", async () => {
    using host = new Host();
    await host.start(["--name", "box"], FOREVER);
    expect(await host.run(["rm", "box"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("it is running"),
    });
    const names = Array.from({ length: 100 }, (_, i) => `c${i}`);
    for (let i = 0; i < 100; i += 10)
      await Promise.all(
        names.slice(i, i + 10).map((name) => host.ok(["create", "--network=none", "--name", name, host.image, "true"])),
      );
    expect(await host.ok(["rm", "-f", "box", ...names])).toBe(["box", ...names, ""].join("\n"));
    expect(host.containers()).toEqual([]);
  }, 120_000);

  it("what a container cannot be started for is told by start, ps and inspect", async () => {
    using host = new Host();
    await host.ok(["create", "--network=none", "--name", "box", host.image, "nosuch"]);
    expect(await host.run(["start", "box"])).toMatchObject({
      exitCode: 127,
      stdout: "",
      stderr: expect.stringContaining("executable file not found"),
    });
    expect(JSON.parse(host.read("box", "exited.json"))).toMatchObject({
      exitCode: 127,
      error: expect.stringContaining("nosuch"),
    });
  });

  it("a container, prefix or name that there is not, and a prefix of two", async () => {
    using host = new Host();
    expect(await host.run(["stop", "nosuch"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('"nosuch"'),
    });
    expect((await host.run(["rm", "-f", "nosuch"])).exitCode).toBe(0);
    expect((await host.run(["stop"])).exitCode).toBe(125);
    // sixteen first digits, seventeen containers
    await Promise.all(Array.from({ length: 17 }, () => host.ok(["create", "--network=none", host.image, "true"])));
    const firsts = host.containers().map((id) => id[0] ?? "");
    const twice = firsts.find((first, i) => firsts.indexOf(first) !== i) ?? "";
    expect((await host.run(["stop", twice])).exitCode).not.toBe(0);
  });
});

describe("races", () => {
  it("a name that two want at once is one's, and the other is told", async () => {
    using host = new Host();
    await host.ok(["pull", "-q", host.image]);
    const results = await Promise.all(
      Array.from({ length: 6 }, () =>
        host.run(["run", "-d", "--network=none", "--name", "one", host.image, ...FOREVER]),
      ),
    );
    expect(results.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1);
    for (const { exitCode, stderr } of results)
      if (exitCode !== 0)
        expect(stderr).toMatch(/^tsbox: cannot use name "one": the container [0-9a-f]{12} has it; .*\n$/);
    expect(host.containers()).toHaveLength(1);
  });

  it("start twice at once runs it once", async () => {
    using host = new Host();
    await host.ok([
      "create",
      "--network=none",
      "--name",
      "box",
      host.image,
      "sh",
      "-c",
      "echo up >>/runs; exec sleep 1000",
    ]);
    const results = await Promise.all(Array.from({ length: 4 }, () => host.run(["start", "box"])));
    for (const { exitCode, stdout } of results) expect([exitCode, stdout]).toEqual([0, "box\n"]);
    await until("it runs", () => existsSync(`${host.container("box")}/upper/runs`));
    await Bun.sleep(100);
    expect(readFileSync(`${host.container("box")}/upper/runs`, "utf8")).toBe("up\n");
  });

  it("one whose monitor has yet to note how it ended has not ended", async () => {
    using host = new Host();
    const loop = "trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done";
    await host.ok(["create", "--network=none", "--name", "box", host.image, "sh", "-c", loop]);
    for (const [command, output, log] of [
      ["wait", "4\n", "ready\n"],
      ["start", "box\n", "ready\nready\n"],
    ] as const) {
      await host.ok(["start", "box"]);
      await until("it is ready", async () => (await host.ok(["logs", "box"])) === log);
      const [pid, monitor] = [host.pid("box"), host.monitor("box")];
      process.kill(monitor, "SIGSTOP");
      process.kill(pid, "SIGTERM");
      await until("it is no process any more", () => !isProcess(pid));
      const state = await host.ok(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "box"]);
      expect(state).toBe("running 0\n");
      const told = host.ok([command, "box"]);
      expect(await Promise.race([told, Bun.sleep(500).then(() => "not yet")])).toBe("not yet");
      process.kill(monitor, "SIGCONT");
      expect(await told).toBe(output);
      if (command === "start") expect(host.pid("box")).not.toBe(pid);
    }
  });

  it("rm -f during exec ends both", async () => {
    using host = new Host();
    await host.start(["--name", "box"], FOREVER);
    const exec = host.spawn(["exec", "box", "sh", "-c", "echo up; exec sleep 1000"]);
    await exec.stdout.getReader().read();
    await host.ok(["rm", "-f", "box"]);
    expect(await exec.exited).toBe(137);
    expect(host.containers()).toEqual([]);
  });

  it("--replace takes the name from one that runs", async () => {
    using host = new Host();
    const first = await host.start(["--name", "box"], FOREVER);
    const second = await host.start(["--replace", "--name", "box"], FOREVER);
    expect(second).not.toBe(first);
    expect(host.containers()).toEqual([second]);
  });
});

describe("kills", () => {
  it("a monitor that is killed takes its container along, and start works again", async () => {
    using host = new Host();
    await host.start(["--name", "box"], FOREVER);
    const pid = host.pid("box");
    process.kill(host.monitor("box"), "SIGKILL");
    await until("the container is gone", () => !isProcess(pid));
    expect(await host.ok(["wait", "box"])).toBe("137\n");
    await host.ok(["start", "box"]);
    expect(isProcess(host.pid("box"))).toBe(true);
    expect(await host.ok(["stop", "-t", "0", "box"])).toBe("box\n");
  });

  it("one with --rm whose monitor was killed is swept, and gives up its name", async () => {
    using host = new Host();
    const first = await host.start(["--rm", "--name", "box"], FOREVER);
    process.kill(host.monitor("box"), "SIGKILL");
    await until("the monitor is gone", async () => (await host.ok(["ps", "-q"])) === "");
    const second = await host.start(["--name", "box"], FOREVER);
    expect(host.containers()).toEqual([second]);
    expect(second).not.toBe(first);
  });

  it("a first process that outlives its monitor is found and stopped", async () => {
    using host = new Host();
    await host.start(["--name", "box"], FOREVER);
    const pid = host.pid("box");
    // as if it had taken its death signal away: its monitor's lock is gone, and it lives
    process.kill(host.monitor("box"), "SIGSTOP");
    const folder = host.container("box");
    const lock = readFileSync(`${folder}/lock`);
    const { rmSync } = await import("node:fs");
    rmSync(`${folder}/lock`);
    writeFileSync(`${folder}/lock`, lock);
    expect((await host.ok(["ps", "-q"])).trim()).toHaveLength(12);
    const monitor = host.monitor("box");
    await host.ok(["stop", "-t", "0", "box"]);
    expect(isProcess(pid)).toBe(false);
    process.kill(monitor, "SIGKILL");
    expect(await host.ok(["ps", "-q"])).toBe("");
    expect(JSON.parse(host.read("box", "exited.json"))).toMatchObject({ exitCode: 137 });
  });
});
