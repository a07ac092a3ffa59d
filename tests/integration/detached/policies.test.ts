/** Restart policies and health checks, which monitors keep. */
import { describe, expect } from "bun:test";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { Host, isProcess, until } from "./host.ts";

const it = requires(executable, busybox, userNamespaces);

describe("--restart", () => {
  it("on-failure:N starts it again N times, with pauses that grow", async () => {
    using host = new Host();
    await host.start(["--name", "box", "--restart", "on-failure:3"], ["sh", "-c", "echo run; exit 1"]);
    await until("it has given up", async () => (await host.ok(["logs", "box"])) === "run\n".repeat(4));
    await until("it has ended", async () => (await host.ok(["ps", "-q"])) === "");
    expect(JSON.parse(host.read("box", "restarts.json"))).toEqual({ count: 3, pause: 400 });
    expect(await host.ok(["wait", "box"])).toBe("1\n");
  });

  it("on-failure leaves what succeeds", async () => {
    using host = new Host();
    await host.start(["--name", "box", "--restart", "on-failure"], ["sh", "-c", "echo run"]);
    await until("it has ended", async () => (await host.ok(["ps", "-q"])) === "");
    await Bun.sleep(300);
    expect(await host.ok(["logs", "box"])).toBe("run\n");
  });

  it("always starts it again until it is stopped, also while it pauses, and stop is for good", async () => {
    using host = new Host();
    await host.start(["--name", "box", "--restart", "always"], ["sh", "-c", "echo run"]);
    await until("it has run three times", async () => (await host.ok(["logs", "box"])).length >= 12);
    await host.ok(["stop", "box"]);
    const before = await host.ok(["logs", "box"]);
    await Bun.sleep(1000);
    expect(await host.ok(["logs", "box"])).toBe(before);
    expect(await host.ok(["ps", "-q"])).toBe("");
    await host.ok(["start", "box"]);
    await until("it runs again", async () => (await host.ok(["logs", "box"])).length > before.length + 4);
    await host.ok(["rm", "-f", "box"]);
    expect(host.containers()).toEqual([]);
  });

  it("a kill by a person counts as being stopped, one by the program does not", async () => {
    using host = new Host();
    await host.start(["--name", "box", "--restart", "unless-stopped"], ["sleep", "1000"]);
    const first = host.pid("box");
    process.kill(first, "SIGKILL");
    const runsAgain = async () => (await host.ok(["ps", "-q"])) !== "" && host.pid("box") !== first;
    await until("it runs again", async () => {
      try {
        return await runsAgain();
      } catch {
        return false; // between two runs
      }
    });
    await host.ok(["kill", "box"]);
    await until("it has ended", async () => (await host.ok(["ps", "-q"])) === "");
    await Bun.sleep(500);
    expect(await host.ok(["ps", "-q"])).toBe("");
  });

  it("a policy that makes no sense is refused", async () => {
    using host = new Host();
    for (const flags of [
      ["--restart=sometimes"],
      ["--restart=always:3"],
      ["--restart=on-failure:x"],
      ["--rm", "--restart=always"],
    ])
      expect((await host.run(["run", "-d", ...flags, host.image, "true"])).exitCode).toBe(125);
  });
});

describe("health", () => {
  const health = (host: Host) => JSON.parse(host.read("box", "health.json"));

  it("starting, unhealthy, healthy; the last five checks with their output", async () => {
    using host = new Host();
    const flags = [
      "--health-cmd",
      "cat /ok || { echo no; exit 4; }",
      "--health-interval",
      "100ms",
      "--health-retries",
      "2",
    ];
    await host.start(["--name", "box", ...flags], ["sleep", "1000"]);
    expect(await host.ok(["wait", "--condition=unhealthy", "box"])).toBe("0\n");
    expect(health(host)).toMatchObject({ status: "unhealthy", streak: 2 });
    expect(health(host).checks[0]).toMatchObject({ exitCode: 4, output: expect.stringContaining("no\n") });
    await host.ok(["exec", "box", "sh", "-c", 'printf "fine\\n" >/ok']);
    expect(await host.ok(["wait", "--condition=healthy", "box"])).toBe("0\n");
    // what can never be is not waited for
    const other = await host.start(["--name", "other"], ["sleep", "1000"]);
    expect(await host.run(["wait", "--condition=healthy", "other"])).toMatchObject({
      exitCode: 125,
      stderr: `tsbox: cannot wait for container ${other.slice(0, 12)}: it has no health check\n`,
    });
    await until("five are kept", () => health(host).checks.length === 5);
    await Bun.sleep(300);
    expect(health(host).checks).toHaveLength(5);
    expect(health(host).checks.at(-1)).toMatchObject({ exitCode: 0, output: "fine\n" });
  });

  it("the image's, unless it is switched off; what takes too long is killed", async () => {
    using host = new Host();
    const ms = 1e6;
    const image = writeBusyboxLayout(host.folder.join("checked"), {
      config: {
        Cmd: ["sleep", "1000"],
        Healthcheck: { Test: ["CMD", "sleep", "77"], Interval: 100 * ms, Timeout: 100 * ms, Retries: 1 },
      },
    } as never);
    await host.ok(["run", "-d", "--network=none", "--name", "box", image]);
    await host.ok(["wait", "--condition=unhealthy", "box"]);
    expect(health(host).checks[0]).toMatchObject({ exitCode: -1 });
    await host.ok(["exec", "box", "sh", "-c", "! pgrep -f 'sleep 77' || sleep 0.15"]);
    await host.ok(["run", "-d", "--network=none", "--name", "plain", "--no-healthcheck", image]);
    await Bun.sleep(300);
    expect(() => host.read("plain", "health.json")).toThrow();
  });

  it("checks that fail because the container ends do not count", async () => {
    using host = new Host();
    const flags = ["--health-cmd", "true", "--health-interval", "50ms", "--health-retries", "2"];
    await host.start(["--name", "box", ...flags], ["sleep", "1000"]);
    expect(await host.ok(["wait", "--condition=healthy", "box"])).toBe("0\n");
    // its first process waits until all others are gone, and this one is not until who started it has taken notice
    const exec = host.spawn(["exec", "box", "sh", "-c", "echo up; exec sleep 1000"]);
    await exec.stdout.getReader().read();
    exec.kill("SIGSTOP");
    process.kill(host.pid("box"), "SIGKILL");
    await Bun.sleep(1000);
    expect(isProcess(host.pid("box"))).toBe(true);
    exec.kill("SIGCONT");
    expect(await host.ok(["wait", "box"])).toBe("137\n");
    const told = ["events", "--stream=false", "--filter", "event=health_status", "--format", "{{.Action}}"];
    expect(await host.ok(told)).toBe("health_status: healthy\n");
    expect(health(host)).toMatchObject({ status: "healthy", streak: 0 });
  });

  it("failures in the start period do not count", async () => {
    using host = new Host();
    const flags = [
      "--health-cmd",
      "false",
      "--health-interval",
      "50ms",
      "--health-start-period",
      "1h",
      "--health-start-interval",
      "50ms",
      "--health-retries",
      "1",
    ];
    await host.start(["--name", "box", ...flags], ["sleep", "1000"]);
    await until("it was checked", () => {
      try {
        return health(host).checks.length === 5;
      } catch {
        return false;
      }
    });
    expect(health(host)).toMatchObject({ status: "starting" });
  });
});
