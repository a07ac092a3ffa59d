/** What Docker's engine does with a runtime. Root only. */
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { program, root } from "../../support/skip.ts";
import { Host, same, until } from "./host.ts";
import type { Caller, Scenario } from "./scenario.ts";

type Docker = { readonly host: Host; command(...args: string[]): string[]; run(...args: string[]): string[] };

const scenarios: Record<string, (docker: Docker) => Promise<void>> = {
  "run gives back output and exit status": async ({ host, run }) => {
    same(await host.ok(run("--rm", "image", "echo", "hi")), "hi\n", "output");
    same((await host.run(run("--rm", "image", "sh", "-c", "exit 7"))).exitCode, 7, "exit status");
    same((await host.run(run("--rm", "image", "nowhere"))).exitCode, 127, "exit status of what is not there");
  },
  "run --interactive --tty is a terminal": async ({ host, run }) => {
    await using session = host.terminal(run("-it", "--rm", "image", "sh"));
    await session.see(/[#$] /);
    session.type("test -t 0 && echo terminal=$((1+1))\r");
    await session.see(/terminal=2/);
    session.type("exit 5\r");
    same(await session.exited, 5, "exit status");
  },
  "exec, pause, unpause, top, kill, rm": async ({ host, command, run }) => {
    await host.ok(run("--detach", "--name=box", "image", "sleep", "1000"));
    same(await host.ok(command("exec", "box", "cat", "/proc/1/comm")), "sleep\n", "output of exec");
    await host.ok(command("pause", "box"));
    same((await host.ok(command("inspect", "--format={{.State.Status}}", "box"))).trim(), "paused", "state");
    await host.ok(command("unpause", "box"));
    if (!(await host.ok(command("top", "box"))).includes("sleep 1000"))
      throw new Error("top does not show the program");
    await host.ok(command("kill", "box"));
    same((await host.ok(command("wait", "box"))).trim(), "137", "exit status");
    await host.ok(command("rm", "box"));
  },
  "options of run": async ({ host, run }) => {
    const options = [
      "--read-only",
      "--tmpfs=/scratch",
      "--volume=/etc:/host:ro",
      "--user=1000",
      "--cap-drop=ALL",
      "--init",
    ];
    const script =
      "id -u; echo x > /scratch/x && cat /scratch/x; touch /y 2>/dev/null || echo ro; grep CapEff /proc/self/status";
    same(
      await host.ok(run("--rm", ...options, "image", "sh", "-c", script)),
      "1000\nx\nro\nCapEff:\t0000000000000000\n",
      "output",
    );
  },
};

const toScenario = ([name, body]: [string, (typeof scenarios)[string]]): Scenario => ({
  name,
  run: async (runtime, place) => {
    await using host = await Host.make(place);
    const { folder } = host;
    const address = `unix://${folder.join("d.sock")}`;
    const places = [
      "--data-root",
      folder.join("data"),
      "--exec-root",
      folder.join("exec"),
      "--pidfile",
      folder.join("pid"),
    ];
    const quiet = [
      "--iptables=false",
      "--ip6tables=false",
      "--bridge=none",
      "--log-level=error",
      "--storage-driver=vfs",
    ];
    const daemon = host.start(["dockerd", ...places, ...quiet, "--host", address, `--add-runtime=given=${runtime}`]);
    const command = (...args: string[]) => ["docker", "--host", address, ...args];
    const run = (...args: string[]) => command("run", "--runtime=given", "--network=none", ...args);
    try {
      await until("dockerd answers", async () => (await host.run(command("version"))).exitCode === 0);
      const archive = folder.join("image.tar");
      await host.ok([
        "skopeo",
        "copy",
        "--quiet",
        writeBusyboxLayout(folder.join("image")),
        `docker-archive:${archive}:image:latest`,
      ]);
      await host.ok(command("load", "--input", archive));
      await body({ host, command, run });
    } finally {
      await host.run(command("rm", "--force", "box"));
      daemon.kill("SIGTERM");
      await daemon.exited;
    }
  },
});

export const docker: Caller = {
  name: "docker",
  needs: [root, program("dockerd"), program("docker"), program("skopeo"), busybox],
  scenarios: Object.entries(scenarios).map(toScenario),
};
