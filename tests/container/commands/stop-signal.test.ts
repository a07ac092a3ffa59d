/** With which signal `tsbox stop` asks, and what `tsbox kill` takes for asking. */
import { expect } from "bun:test";
import { Host, until } from "../../integration/detached/host.ts";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";

const it = requires(executable, busybox, userNamespaces);

/** Ends with 7 when it gets a signal. */
const ending = (signal: number | string) => [
  "sh",
  "-c",
  `trap 'exit 7' ${signal}; echo ready; while :; do sleep 0.05; done`,
];

async function started(host: Host, args: readonly string[], image: string, signal: number | string): Promise<void> {
  await host.ok(["run", "-d", "--network=none", "--name", "box", ...args, image, ...ending(signal)]);
  await until("the trap is set", async () => (await host.ok(["logs", "box"])) === "ready\n");
}

it("stop sends each signal that create takes, by name, number and from either end of the real-time ones", async () => {
  for (const [given, number] of [
    ["usr1", 10],
    ["12", 12],
    ["RTMIN+3", 37],
    ["SIGRTMAX-1", 63],
  ] as const) {
    using host = new Host();
    await started(host, ["--stop-signal", given], host.image, number);
    expect(await host.run(["stop", "box"])).toEqual({ exitCode: 0, stdout: "box\n", stderr: "" });
    expect([given, await host.ok(["wait", "box"])]).toEqual([given, "7\n"]);
  }
});

it("create refuses what stop could not send", async () => {
  using host = new Host();
  for (const signal of ["RTMIN+31", "RTMAX-31", "RTMAX+1", "NOPE", "0"]) {
    const { exitCode, stderr } = await host.run(["create", "--stop-signal", signal, host.image]);
    expect([exitCode, stderr]).toEqual([125, expect.stringContaining(`"${signal}": there is no such signal`)]);
  }
});

it("an image's StopSignal that is no signal is SIGTERM, for stop and for what kill takes for the end", async () => {
  using host = new Host();
  const config = { Cmd: ["sh"], Env: ["PATH=/usr/bin:/bin"], StopSignal: "SIGNOPE" };
  const image = writeBusyboxLayout(host.folder.join("odd"), { config });
  await started(host, ["--restart", "always"], image, "TERM");
  expect(await host.run(["stop", "box"])).toEqual({ exitCode: 0, stdout: "box\n", stderr: "" });
  expect(await host.ok(["wait", "box"])).toBe("7\n");
  await host.ok(["start", "box"]);
  await until("the trap is set again", async () => (await host.ok(["logs", "box"])) === "ready\nready\n");
  // asking for the end, so that the policy does not start it again
  expect(await host.run(["kill", "-s", "TERM", "box"])).toEqual({ exitCode: 0, stdout: "box\n", stderr: "" });
  await until("it has ended", async () => (await host.ok(["ps", "-a", "--format", "{{.State}}"])) === "exited\n");
  expect(await host.ok(["logs", "box"])).toBe("ready\nready\n");
});
