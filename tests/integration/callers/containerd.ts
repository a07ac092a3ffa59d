/** What containerd's shim does with a runtime, asked by `ctr`. Root only. */
import { mkdirSync } from "node:fs";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { program, root } from "../../support/skip.ts";
import { Host, same, until } from "./host.ts";
import type { Caller, Scenario } from "./scenario.ts";

const IMAGE = "localhost/image:latest";

type Ctr = { readonly host: Host; command(...args: string[]): string[]; run(...args: string[]): string[] };

const scenarios: Record<string, (ctr: Ctr) => Promise<void>> = {
  "run gives back output and exit status": async ({ host, run }) => {
    same(await host.ok(run("--rm", IMAGE, "box", "echo", "hi")), "hi\n", "output");
    same((await host.run(run("--rm", IMAGE, "box", "sh", "-c", "exit 7"))).exitCode, 7, "exit status");
  },
  "run --tty is a terminal": async ({ host, run }) => {
    await using session = host.terminal(run("--rm", "--tty", IMAGE, "box", "sh"));
    await session.see(/[#$] /);
    session.type("test -t 0 && echo terminal=$((1+1))\r");
    await session.see(/terminal=2/);
    session.type("exit 5\r");
    same(await session.exited, 5, "exit status");
  },
  "tasks: exec, pause, resume, ps, kill, delete": async ({ host, command, run }) => {
    await host.ok(run("--detach", IMAGE, "box", "sleep", "1000"));
    const task = (...args: string[]) => host.ok(command("task", ...args));
    same(await task("exec", "--exec-id=a", "box", "cat", "/proc/1/comm"), "sleep\n", "output of exec");
    await task("pause", "box");
    if (!(await task("ls")).includes("PAUSED")) throw new Error(`not paused: ${await task("ls")}`);
    await task("resume", "box");
    same((await task("ps", "box")).trim().split("\n").length, 2, "lines of ps");
    await task("kill", "--signal=SIGKILL", "box");
    await until("the task has stopped", async () => (await task("ls")).includes("STOPPED"));
    await host.run(command("task", "delete", "box"));
    await host.ok(command("container", "delete", "box"));
  },
};

const toScenario = ([name, body]: [string, (typeof scenarios)[string]]): Scenario => ({
  name,
  run: async (runtime, place) => {
    await using host = await Host.make(place);
    const { folder } = host;
    mkdirSync(folder.join("containerd"));
    const places = ["--root", folder.join("containerd/root"), "--state", folder.join("containerd/state")];
    const socket = folder.join("c.sock");
    const daemon = host.start(["containerd", ...places, "--address", socket, "--log-level=error"]);
    const command = (...args: string[]) => ["ctr", "--address", socket, ...args];
    // ctr otherwise asks for cpu.weight, and CI's machines have no such controller in version 2 of cgroups
    const run = (...args: string[]) =>
      command("run", "--cpu-shares=0", "--snapshotter=native", `--runc-binary=${runtime}`, ...args);
    try {
      await until("containerd answers", async () => (await host.run(command("version"))).exitCode === 0);
      const archive = folder.join("image.tar");
      await host.ok([
        "skopeo",
        "copy",
        "--quiet",
        writeBusyboxLayout(folder.join("image")),
        `oci-archive:${archive}:${IMAGE}`,
      ]);
      await host.ok(command("images", "import", "--snapshotter=native", archive));
      await body({ host, command, run });
    } finally {
      await host.run(command("task", "delete", "--force", "box"));
      daemon.kill("SIGTERM");
      await daemon.exited;
    }
  },
});

export const containerd: Caller = {
  name: "containerd",
  needs: [root, program("containerd"), program("ctr"), program("skopeo"), busybox],
  scenarios: Object.entries(scenarios).map(toScenario),
};
