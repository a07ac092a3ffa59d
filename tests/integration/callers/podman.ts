/** What podman does with a runtime, rootless or as root. */
import { existsSync } from "node:fs";
import { busybox } from "../../support/busybox-image.ts";
import { freePort } from "../../support/free-port.ts";
import { program, type Requirement, root, unprivileged } from "../../support/skip.ts";
import { same, until } from "./host.ts";
import { makePodman, type Podman, sleeper } from "./podman-driver.ts";
import type { Caller, Scenario } from "./scenario.ts";

const scenarios: Record<string, (podman: Podman) => Promise<void>> = {
  "run gives back output and exit status": async (podman) => {
    same(await podman.run("--rm", "--network=none", podman.image, "echo", "hi"), "hi\n", "output");
    const command = podman.command(
      "run",
      "--rm",
      "--network=none",
      ...podman.limits,
      podman.image,
      "sh",
      "-c",
      "exit 7",
    );
    same((await podman.host.run(command)).exitCode, 7, "exit status");
  },
  "run of what is not there ends with 127, of what is no program with 126": async (podman) => {
    const status = async (program: string) =>
      (await podman.host.run(podman.command("run", "--rm", "--network=none", ...podman.limits, podman.image, program)))
        .exitCode;
    same(await status("/nowhere"), 127, "/nowhere");
    same(await status("nowhere"), 127, "nowhere");
    same(await status("/etc/passwd"), 126, "/etc/passwd");
  },
  "run --interactive --tty is a terminal": async (podman) => {
    const { image, limits } = podman;
    await using session = podman.host.terminal(
      podman.command("run", "-it", "--rm", "--network=none", ...limits, image, "sh"),
    );
    await session.see(/[#$] /);
    session.type('tty; until test "$(stty size)" = "30 100"; do sleep 0.1; done; echo size=$(stty size)\r');
    await session.see(/\/dev\/(pts\/0|console)/);
    const resized = session.see(/size=30 100/);
    let done = false;
    const settled = resized.finally(() => {
      done = true;
    });
    // podman looks at the size once, and listens for changes some time later: one in between is lost to it
    for (let columns = 100; !done; columns = columns === 100 ? 101 : 100) {
      session.resize(columns, 30);
      await Promise.race([settled, Bun.sleep(1000)]);
    }
    await settled;
    session.type("exit 5\r");
    same(await session.exited, 5, "exit status");
  },
  "exec runs in the container, with a terminal too": async (podman) => {
    await sleeper(podman, "box");
    same(await podman.ok("exec", "box", "sh", "-c", "echo in; cat /proc/1/comm"), "in\nsleep\n", "output");
    same(
      await podman.ok(
        "exec",
        "--user=1000:1000",
        "--workdir=/tmp",
        "--env=A=1",
        "box",
        "sh",
        "-c",
        "id -u; pwd; echo $A",
      ),
      "1000\n/tmp\n1\n",
      "options",
    );
    same((await podman.host.run(podman.command("exec", "box", "sh", "-c", "exit 9"))).exitCode, 9, "exit status");
    same(
      (await podman.host.run(podman.command("exec", "box", "nowhere"))).exitCode,
      127,
      "exit status of what is not there",
    );
    await using session = podman.host.terminal(podman.command("exec", "-it", "box", "sh"));
    await session.see(/[#$] /);
    session.type("test -t 0 && echo terminal=$((1+1))\r");
    await session.see(/terminal=2/);
    session.type("exit 3\r");
    same(await session.exited, 3, "exit status");
  },
  "exec --detach returns": async (podman) => {
    await sleeper(podman, "box");
    await podman.ok("exec", "--detach", "box", "sh", "-c", "echo done > /tmp/done");
    await until(
      "the file is there",
      async () => (await podman.host.run(podman.command("exec", "box", "cat", "/tmp/done"))).stdout === "done\n",
    );
  },
  "kill sends a signal, stop ends, rm removes": async (podman) => {
    await podman.run(
      "--detach",
      "--name=box",
      "--network=none",
      podman.image,
      "sh",
      "-c",
      "trap 'exit 4' USR1; while :; do sleep 0.1; done",
    );
    await podman.ok("kill", "--signal=USR1", "box");
    same((await podman.ok("wait", "box")).trim(), "4", "exit status");
    await sleeper(podman, "other");
    await podman.ok("stop", "--time=1", "other");
    same(await podman.state("other"), "exited", "state");
    await podman.ok("rm", "box", "other");
    same(await podman.ok("ps", "--all", "--quiet"), "", "containers left");
  },
  "create, start, restart": async (podman) => {
    await podman.ok(
      "create",
      "--name=box",
      "--network=none",
      ...podman.limits,
      podman.image,
      "sh",
      "-c",
      "echo run; sleep 1000",
    );
    same(await podman.state("box"), "created", "state");
    await podman.ok("start", "box");
    await podman.ok("restart", "--time=0", "box");
    same(await podman.state("box"), "running", "state");
    await until("both runs are in the log", async () => (await podman.ok("logs", "box")) === "run\nrun\n");
  },
  "init makes a container, which start runs": async (podman) => {
    await podman.ok("create", "--name=box", "--network=none", ...podman.limits, podman.image, "echo", "ran");
    await podman.ok("init", "box");
    same(await podman.state("box"), "initialized", "state");
    same(await podman.ok("start", "--attach", "box"), "ran\n", "output");
  },
  "volumes, tmpfs, read-only root, users and capabilities": async (podman) => {
    const script =
      "id -u; echo x > /scratch/x && cat /scratch/x; cat /host/passwd | head -c 4; echo; touch /y 2>/dev/null || echo ro; grep CapEff /proc/self/status";
    const options = ["--read-only", "--tmpfs=/scratch", "--volume=/etc:/host:ro", "--user=1000", "--cap-drop=all"];
    same(
      await podman.run("--rm", "--network=none", ...options, podman.image, "sh", "-c", script),
      "1000\nx\nroot\nro\nCapEff:\t0000000000000000\n",
      "output",
    );
  },
  "a healthcheck": async (podman) => {
    await sleeper(podman, "box", "--health-cmd=test -e /tmp/well", "--health-interval=disable");
    same((await podman.host.run(podman.command("healthcheck", "run", "box"))).exitCode, 1, "before");
    await podman.ok("exec", "box", "touch", "/tmp/well");
    same((await podman.host.run(podman.command("healthcheck", "run", "box"))).exitCode, 0, "after");
  },
  "a pod shares its namespaces": async (podman) => {
    await podman.ok(
      "pod",
      "create",
      "--name=pod",
      "--share=ipc,uts,net",
      "--network=none",
      "--hostname=shared",
      "--infra-image",
      podman.image,
      "--infra-command=/bin/sleep 1000",
      "--infra=true",
    );
    same(
      await podman.host.ok(podman.command("run", "--rm", "--pod=pod", ...podman.limits, podman.image, "hostname")),
      "shared\n",
      "host name",
    );
    await podman.ok("pod", "rm", "--force", "--time=0", "pod");
  },
  "run --publish answers on the port": async (podman) => {
    const port = freePort();
    const ask = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
    await podman.run(
      "--detach",
      "--name=box",
      `--publish=127.0.0.1:${port}:80`,
      podman.image,
      "sh",
      "-c",
      "echo hello > /tmp/index.html; httpd -f -p 80 -h /tmp",
    );
    await until("the port answers", async () =>
      (await podman.host.run(["bash", "-c", ask])).stdout.endsWith("\r\n\r\nhello\n"),
    );
  },
  "top and stats": async (podman) => {
    await sleeper(podman, "box");
    same((await podman.ok("top", "box", "comm")).split("\n")[1], "sleep", "processes");
    await podman.ok("stats", "--no-stream", "box");
  },
  "pause and unpause": async (podman) => {
    await sleeper(podman, "box");
    await podman.ok("pause", "box");
    same(await podman.state("box"), "paused", "state");
    await podman.ok("unpause", "box");
    same(await podman.ok("exec", "box", "echo", "again"), "again\n", "output");
  },
};

/** Podman itself refuses these to rootless users elsewhere. */
const pureCgroup2: Requirement = {
  what: "root, or cgroups of version 2 alone",
  inCI: false,
  met: () => root.met() || existsSync("/sys/fs/cgroup/cgroup.controllers"),
};

/** Podman 4's cgroupfs manager, as root, gives a pod's cgroup a filter that denies every device: no runtime can make /dev/null. */
const podsWork: Requirement = { ...unprivileged, what: "not to be root, whose pods podman 4 denies every device" };

const NEEDS: Record<string, readonly Requirement[]> = {
  "a pod shares its namespaces": [podsWork],
  "top and stats": [pureCgroup2],
  "pause and unpause": [pureCgroup2],
};

/** As scenarios, each with a podman of its own. */
export const toScenarios = (bodies: Record<string, (podman: Podman) => Promise<void>>): Scenario[] =>
  Object.entries(bodies).map(([name, body]) => ({
    name,
    needs: NEEDS[name] ?? [],
    run: async (runtime, place) => {
      await using podman = await makePodman(runtime, place);
      await body(podman);
    },
  }));

export const podman: Caller = {
  name: "podman",
  needs: [program("podman"), program("conmon"), busybox],
  scenarios: toScenarios(scenarios),
};
