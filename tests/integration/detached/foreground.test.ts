/** `run` without -d and -t, with what only a monitor does: restarting, a log, health checks. Whoever runs it is there until it is over. */
import { describe, expect } from "bun:test";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { Host, until } from "./host.ts";

const it = requires(executable, busybox, userNamespaces);

const front = (host: Host, flags: readonly string[], script: string) => [
  ...["run", "--quiet", "--network=none", "--name", "box", ...flags],
  ...[host.image, "sh", "-c", script],
];
const events = async (host: Host, action: string) =>
  (await host.ok(["events", "--stream=false", "--filter", `event=${action}`, "--format", "{{.Action}}"]))
    .split("\n")
    .filter(Boolean);

describe("--restart", () => {
  it("shows every run to who ran it, and ends as the last one", async () => {
    using host = new Host();
    const script = "echo out; echo err >&2; exit 3";
    expect(await host.run(front(host, ["--restart=on-failure:2"], script))).toEqual({
      exitCode: 3,
      stdout: "out\n".repeat(3),
      stderr: "err\n".repeat(3),
    });
    expect(await host.ok(["inspect", "--format", "{{.State.Status}} {{.RestartCount}}", "box"])).toBe("exited 2\n");
  });

  it("ends with the run that succeeds; the end of the input holds for all runs", async () => {
    using host = new Host();
    // the second one would wait for its input for ever, if its end had been forgotten
    const script = "cat; echo .; [ -e /again ] || { : >/again; exit 1; }";
    expect(await host.run(front(host, ["-i", "--restart=on-failure"], script), { stdin: "typed" })).toMatchObject({
      exitCode: 0,
      stdout: "typed.\n.\n",
    });
  });

  it("stop from elsewhere is its end, while it runs and while it pauses", async () => {
    using host = new Host();
    for (const script of ["trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done", "echo up; exit 6"]) {
      const child = host.spawn(front(host, ["--restart=always"], script));
      await child.stdout.getReader().read();
      if (script.endsWith("6")) await until("it pauses for long", async () => (await events(host, "die")).length > 4);
      await host.ok(["stop", "box"]);
      expect(await child.exited).toBe(script.endsWith("6") ? 6 : 5);
      await host.ok(["rm", "box"]);
      expect(host.containers()).toEqual([]);
    }
  });

  it("a signal to who runs it is its end, while it runs and while it pauses", async () => {
    using host = new Host();
    for (const [script, signal, status] of [
      ["trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done", "SIGTERM", 5],
      ["trap 'exit 7' INT; echo up; while :; do sleep 0.05; done", "SIGINT", 7],
      ["echo up; exit 6", "SIGINT", 6],
    ] as const) {
      const child = host.spawn(front(host, ["--restart=always"], script));
      const reader = child.stdout.getReader();
      await reader.read();
      if (status === 6)
        await until("it pauses", async () => (await host.ok(["ps", "--format", "{{.State}}"])) === "restarting\n");
      child.kill(signal);
      expect(await child.exited).toBe(status);
      await until("it is over", async () => (await host.ok(["ps", "-q"])) === "");
      await host.ok(["rm", "box"]);
    }
  });

  it("who is killed takes the container along for good", async () => {
    using host = new Host();
    const child = host.spawn(front(host, ["--restart=always"], "echo up; sleep 1000"));
    await child.stdout.getReader().read();
    child.kill("SIGKILL");
    await until("it is over", async () => (await host.ok(["ps", "-q"])) === "");
    await Bun.sleep(300);
    expect(await host.ok(["ps", "-q"])).toBe("");
    expect(await events(host, "start")).toEqual(["start"]);
  });

  it("on a terminal, too, whose size each run has; who lets go of it leaves it to its policy", async () => {
    using host = new Host();
    const script = "stty size; read line; exit 1";
    await using terminal = host.terminal(front(host, ["-it", "--restart=always"], script));
    await terminal.see(/24 80/);
    terminal.resize(100, 30);
    terminal.type("x\r");
    await terminal.see(/30 100/);
    terminal.type("\x10\x11");
    expect(await terminal.exited).toBe(0);
    const before = host.pid("box");
    process.kill(before, "SIGKILL");
    await until("it runs again", async () => {
      const pid = await host.ok(["inspect", "--format", "{{.State.Pid}}", "box"]);
      return Number(pid) !== before && Number(pid) !== 0;
    });
  });

  it("who lets go of it while it pauses leaves it to its policy, too", async () => {
    using host = new Host();
    const flags = ["-it", "--restart=on-failure:4", "--detach-keys=ctrl-x"];
    await using terminal = host.terminal(front(host, flags, "echo run; exit 1"));
    for (let runs = 0; runs < 3; runs++) await terminal.see(/run/);
    // the third pause is one of 400 ms
    terminal.type("\x18");
    expect(await terminal.exited).toBe(0);
    await until("it has given up", async () => (await host.ok(["logs", "box"])) === "run\r\n".repeat(5));
  });

  it("start -a may go at any time", async () => {
    using host = new Host();
    const script = ["sh", "-c", "echo run; exit 1"];
    await host.ok(["create", "--network=none", "--name", "box", "--restart=on-failure:4", host.image, ...script]);
    const child = host.spawn(["start", "-a", "box"]);
    await until("it pauses for long", async () => (await events(host, "die")).length === 3);
    child.kill("SIGKILL");
    await until("it has given up", async () => (await host.ok(["logs", "box"])) === "run\n".repeat(5));
  });

  it("start -a stays, too", async () => {
    using host = new Host();
    await host.ok([
      "create",
      "--network=none",
      "--name",
      "box",
      "--restart=on-failure:1",
      host.image,
      "sh",
      "-c",
      "echo x; exit 4",
    ]);
    expect(await host.run(["start", "-a", "box"])).toMatchObject({ exitCode: 4, stdout: "x\nx\n" });
  });

  it("is refused with --rm", async () => {
    using host = new Host();
    const refused = await host.run(front(host, ["--rm", "--restart=always"], "true"));
    expect(refused).toMatchObject({ exitCode: 125, stderr: expect.stringContaining("--rm with --restart") });
  });
});

describe("--log-driver", () => {
  it("json-file keeps what is shown, and bytes of a pipe are no detach keys", async () => {
    using host = new Host();
    const script = "echo hi; echo oh >&2; cat";
    const ran = await host.run(front(host, ["-i", "--log-driver=json-file"], script), { stdin: "a\x10\x11b" });
    expect(ran).toEqual({ exitCode: 0, stdout: "hi\na\x10\x11b", stderr: "oh\n" });
    expect(await host.run(["logs", "box"])).toMatchObject({ stdout: "hi\na\x10\x11b", stderr: "oh\n" });
  });

  it("bytes of a pipe are no detach keys for start -ai and attach either", async () => {
    using host = new Host();
    const typed = "a\x10\x11b";
    const flags = ["--quiet", "--network=none", "-i", "--name", "box"];
    await host.ok(["create", ...flags, host.image, "cat"]);
    expect(await host.ok(["start", "-ai", "box"], { stdin: typed })).toBe(typed);
    await host.ok(["start", "box"]);
    const attached = host.spawn(["attach", "box"]);
    attached.stdin.write(typed);
    await attached.stdin.flush();
    await until("all of it was read", async () => (await host.ok(["logs", "box"])).endsWith("b"));
    expect(attached.exitCode).toBe(null);
    await host.ok(["rm", "-f", "box"]);
    await attached.exited;
  });

  it("one that ran without it has a log from its next start on", async () => {
    using host = new Host();
    await host.ok(front(host, [], "echo hi"));
    expect((await host.run(["logs", "box"])).stderr).toContain("has none");
    expect(await host.ok(["start", "-a", "box"])).toBe("hi\n");
    expect(await host.ok(["logs", "box"])).toBe("hi\n");
  });
});

describe("a flag that could do nothing is refused", () => {
  for (const [line, reason] of [
    ["--replace IMAGE true", "--replace without --name"],
    ["-d --detach-keys ctrl-x IMAGE true", "--detach-keys with -d"],
    ["--detach-keys ctrl-x IMAGE true", "--detach-keys without -t"],
    ["--rootfs / --pull always true", "--pull with --rootfs"],
    ["--rootfs / --platform linux/arm64 true", "--platform with --rootfs"],
    ["--no-healthcheck --health-interval 1s IMAGE true", "--no-healthcheck with --health-interval"],
    ["--health-interval 1s IMAGE true", "its image has no HEALTHCHECK"],
  ] as const)
    it(line, async () => {
      using host = new Host();
      const words = line.split(" ").map((word) => (word === "IMAGE" ? host.image : word));
      const { exitCode, stderr } = await host.run(["run", "--quiet", ...words]);
      expect(stderr).toContain(reason);
      expect(exitCode).toBe(125);
      expect(host.containers()).toEqual([]);
    });

  it("of start, too", async () => {
    using host = new Host();
    await host.ok(["create", "--quiet", "--network=none", "--name", "box", host.image, "true"]);
    for (const flag of ["--sig-proxy=false", "--detach-keys=ctrl-x"])
      expect((await host.run(["start", flag, "box"])).stderr).toContain("without -a or -i");
  });

  it("what the configuration has for all runs gives way, and makes no monitor", async () => {
    using host = new Host();
    const config = `${host.home}/.config/tsbox/config.toml`;
    await Bun.write(config, '[run]\nrestart = "always"\nhealth-interval = "1s"\n[log]\nmax-size = "1m"\n');
    expect(await host.ok(["run", "--quiet", "--rm", "--network=none", host.image, "echo", "x"])).toBe("x\n");
    await Bun.write(config, '[log]\nmax-size = "1m"\n');
    await host.ok(front(host, [], "true"));
    expect((await host.run(["logs", "box"])).stderr).toContain("has none");
  });

  it("--explain shows the monitor of what has one", async () => {
    using host = new Host();
    const explain = (...flags: string[]) => host.ok(["run", "--quiet", "--explain", ...flags, host.image, "true"]);
    expect(await explain()).not.toContain("log_file");
    for (const flags of [["-d"], ["-t"], ["--restart=always"]]) expect(await explain(...flags)).toContain("log_file");
    expect(host.containers()).toEqual([]);
  });
});

describe("health", () => {
  const health = (host: Host) => host.ok(["ps", "--format", "{{.Status}}"]);

  it("is checked with --health-cmd, and told", async () => {
    using host = new Host();
    const flags = ["--health-cmd", "test ! -e /ill", "--health-interval=50ms", "--health-retries=2"];
    const child = host.spawn(front(host, flags, "trap 'exit 0' TERM; while :; do sleep 0.05; done"));
    await until("it is healthy", async () => (await health(host)).includes("(healthy)"));
    await host.ok(["exec", "box", "touch", "/ill"]);
    await until("it is unhealthy", async () => (await health(host)).includes("(unhealthy)"));
    await host.ok(["exec", "box", "rm", "/ill"]);
    await until("it is healthy", async () => (await health(host)).includes("(healthy)"));
    await host.ok(["stop", "box"]);
    expect(await child.exited).toBe(0);
    // of each change one, however often it is checked
    expect(await events(host, "health_status")).toEqual([
      "health_status: healthy",
      "health_status: unhealthy",
      "health_status: healthy",
    ]);
  });

  it("of an image alone is not checked in the foreground, and nothing pretends that it were", async () => {
    using host = new Host();
    const image = writeBusyboxLayout(host.folder.join("checked"), {
      config: { Cmd: ["sleep", "1000"], Healthcheck: { Test: ["CMD", "true"], Interval: 50e6 } },
    } as never);
    const child = host.spawn(["run", "--network=none", "--init", "--name", "box", image]);
    await until("it runs", async () => (await host.ok(["ps", "-q"])) !== "");
    expect(await health(host)).not.toContain("health");
    expect(JSON.parse(await host.ok(["inspect", "box"]))[0].State.Health).toBeUndefined();
    await host.ok(["stop", "-t", "1", "box"]);
    await child.exited;
    await host.ok(["start", "box"]);
    await host.ok(["wait", "--condition=healthy", "box"]);
    expect(await health(host)).toContain("(healthy)");
  });
});
