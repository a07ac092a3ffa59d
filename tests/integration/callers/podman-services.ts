/** Containers that podman looks after: pods, Kubernetes' YAML, units of systemd, restarts, hooks, what is attached. For podman 5. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { same, until } from "./host.ts";
import type { Podman } from "./podman-driver.ts";

const INFRA = (podman: Podman) => ["--infra-image", podman.image, "--infra-command=/bin/sleep 1000"];

const pod = (image: string) => `
apiVersion: v1
kind: Pod
metadata: { name: pod }
spec:
  hostname: kube
  restartPolicy: Never
  volumes: [{ name: shared, emptyDir: {} }]
  initContainers:
    - { name: first, image: ${image}, command: [sh, -c, "echo made > /shared/file"], volumeMounts: [{ name: shared, mountPath: /shared }] }
  containers:
    - name: main
      image: ${image}
      command: [sleep, "1000"]
      env: [{ name: A, value: "1" }]
      securityContext: { runAsUser: 7, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
      volumeMounts: [{ name: shared, mountPath: /shared }]
`;

/** Receives one message of sd_notify and prints it. */
const LISTEN = `use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, pack_sockaddr_un($ARGV[0])) or die $!;
while (1) { recv(S, $m, 4096, 0); open(F, ">>", $ARGV[1]); print F "$m\\n"; close(F) }`;
const SEND = `use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); send(S, "READY=1", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!; sleep 1000`;

export const serviceScenarios: Record<string, (podman: Podman) => Promise<void>> = {
  "attach, detach keys, wait": async (podman) => {
    const { host, image, limits } = podman;
    await using started = host.terminal(
      podman.command("run", "-it", "--name=box", "--network=none", ...limits, image, "sh"),
    );
    await started.see(/[#$] /);
    started.type("A=kept; echo A$((1+1))\r");
    await started.see(/A2/);
    // podman takes keys for those of detaching only when they come one by one
    for (const key of ["\x10", "\x11"]) {
      await Bun.sleep(300);
      started.type(key);
    }
    same(await started.exited, 0, "exit status of what was detached");
    await using attached = host.terminal(podman.command("attach", "box"));
    await Bun.sleep(500);
    attached.type("echo A=$A.\r");
    await attached.see(/A=kept\./);
    attached.type("exit 6\r");
    // not 6: attach of podman 5.4 forgets it, whatever the runtime
    same(await attached.exited, 0, "exit status of attach");
    same((await podman.ok("wait", "box")).trim(), "6", "exit status");
  },
  "descriptors, timeouts, stop signals, flags of the runtime": async (podman) => {
    const { host, image, limits } = podman;
    const run = (...words: string[]) => podman.command("run", "--rm", "--network=none", ...limits, ...words);
    const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");
    const preserved = quoted(run("--preserve-fds=1", image, "sh", "-c", "cat <&3"));
    same(
      await host.ok(["bash", "-c", `echo third >/tmp/third; ${preserved} 3</tmp/third`]),
      "third\n",
      "--preserve-fds",
    );
    same((await host.run(run("--timeout=1", image, "sleep", "1000"))).exitCode, 255, "--timeout");
    const script = "trap 'exit 3' QUIT; while :; do sleep 0.1; done";
    await podman.run("--detach", "--name=box", "--network=none", "--stop-signal=QUIT", image, "sh", "-c", script);
    const exec = quoted(podman.command("exec", "--preserve-fds=1", "box", "sh", "-c", "cat <&3"));
    same(await host.ok(["bash", "-c", `${exec} 3</tmp/third`]), "third\n", "exec --preserve-fds");
    const capabilities = ["sed", "-n", "s/^Cap\\(Eff\\|Bnd\\):\\t//p", "/proc/self/status"];
    // all that podman itself could have: the root that runs the tests may lack some
    const [, all] = (await host.ok(host.root ? capabilities : ["podman", "unshare", ...capabilities])).split("\n");
    same(await podman.ok("exec", "--privileged", "box", ...capabilities), `${all}\n${all}\n`, "exec --privileged");
    await podman.ok("stop", "box");
    same((await podman.ok("wait", "box")).trim(), "3", "exit status");
    same(
      await host.ok(["podman", "--runtime-flag=debug", ...run(image, "echo", "hi").slice(1)]),
      "hi\n",
      "--runtime-flag",
    );
  },
  "restarts by policy, hooks": async (podman) => {
    const { host, image } = podman;
    const [hooks, log] = [host.folder.join("hooks"), host.folder.join("home/log")];
    mkdirSync(hooks);
    const hook = host.folder.join("hook");
    writeFileSync(hook, `#!/bin/sh\necho "$1 $(sed 's/.*"status": *"\\([a-z]*\\)".*/\\1/')" >>${log}\n`);
    chmodSync(hook, 0o755);
    // podman makes one list of the first two, in the order of the files' names
    const stages = ["prestart", "createRuntime", "poststart", "poststop"];
    for (const [index, stage] of stages.entries()) {
      const file = {
        version: "1.0.0",
        hook: { path: hook, args: ["hook", stage] },
        when: { always: true },
        stages: [stage],
      };
      writeFileSync(`${hooks}/${index}-${stage}.json`, JSON.stringify(file));
    }
    const run = podman.command("run", "--rm", "--network=none", ...podman.limits, image, "true");
    await host.ok(["podman", `--hooks-dir=${hooks}`, ...run.slice(1)]);
    await until("all hooks ran", async () => (await host.run(["cat", log])).stdout.includes("poststop"));
    const ran = (await host.ok(["cat", log]))
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0]);
    same(ran, stages, "hooks");
    await podman.run(
      "--detach",
      "--name=box",
      "--network=none",
      "--restart=on-failure:2",
      image,
      "sh",
      "-c",
      "echo run; exit 1",
    );
    await until("it ran three times", async () => (await podman.ok("logs", "box")) === "run\nrun\nrun\n");
  },
  "pods: pause, stop, start, shared processes": async (podman) => {
    await podman.ok("pod", "create", "--name=pod", "--network=none", "--share=pid,ipc,uts,net", ...INFRA(podman));
    await podman.host.ok(
      podman.command("run", "--detach", "--name=box", "--pod=pod", ...podman.limits, podman.image, "sleep", "999"),
    );
    same(await podman.ok("exec", "box", "cat", "/proc/1/cmdline"), "/bin/sleep\x001000\x00", "the first process");
    await podman.ok("pod", "pause", "pod");
    same(await podman.state("box"), "paused", "state");
    await podman.ok("pod", "unpause", "pod");
    await podman.ok("pod", "stats", "--no-stream", "pod");
    if (!(await podman.ok("pod", "top", "pod", "args")).includes("sleep 999"))
      throw new Error("pod top does not show it");
    await podman.ok("pod", "stop", "--time=0", "pod");
    await podman.ok("pod", "start", "pod");
    same(await podman.state("box"), "running", "state");
    await podman.ok("pod", "rm", "--force", "--time=0", "pod");
  },
  "kube play": async (podman) => {
    const file = podman.host.folder.join("pod.yaml");
    writeFileSync(file, pod(podman.image));
    await podman.ok("kube", "play", "--network=none", file);
    const script = "cat /shared/file; echo $A; id -u; hostname; touch /x 2>/dev/null || echo ro";
    same(await podman.ok("exec", "pod-main", "sh", "-c", script), "made\n1\n7\nkube\nro\n", "output");
    await podman.ok("kube", "down", "--force", file);
    same(await podman.ok("ps", "--all", "--quiet"), "", "containers left");
  },
  "the command lines of a quadlet's unit": async (podman) => {
    const { host, image } = podman;
    const units = host.folder.join("units");
    mkdirSync(units);
    const global = podman.command().slice(1).join(" ");
    const arguments_ = podman.limits.join(" ");
    const unit = `[Container]\nImage=${image}\nContainerName=unit\nNetwork=none\nExec=sleep 1000\nReadOnly=true\nDropCapability=all\nUser=7\nGlobalArgs=${global}\nPodmanArgs=${arguments_}\n`;
    writeFileSync(`${units}/box.container`, unit);
    const quadlet = ["/usr/libexec/podman/quadlet", "--dryrun", ...(host.root ? [] : ["--user"])];
    const shown = await host.ok(["env", `QUADLET_UNIT_DIRS=${units}`, ...quadlet]);
    const line = (key: string) =>
      new RegExp(`^${key}=-?(.*)$`, "m")
        .exec(shown)?.[1]
        ?.replaceAll("%t", host.folder.join("run"))
        .replaceAll("%N", "box") ?? "false";
    // the unit's cgroup, which --cgroups=split divides, and the socket on which systemd is told
    const [socket, told, cgroup] = [
      host.folder.join("run/notify"),
      host.folder.join("home/told"),
      "/sys/fs/cgroup/session/box.service",
    ];
    const listener = host.start(["perl", "-e", LISTEN, socket, told]);
    await until("somebody listens", async () => (await host.run(["test", "-S", socket])).exitCode === 0);
    const start = `mkdir ${cgroup} && echo 0 >${cgroup}/cgroup.procs && NOTIFY_SOCKET=${socket} ${line("ExecStart")}`;
    await host.ok(["sh", "-c", start]);
    await until("systemd was told", async () =>
      /MAINPID=\d+[\s\S]*READY=1/.test((await host.run(["cat", told])).stdout),
    );
    same(await podman.ok("exec", "unit", "id", "-u"), "7\n", "id");
    same(
      (await host.ok(["sh", "-c", `cat ${cgroup}/libpod-payload-*/cgroup.procs | wc -l`])).trim(),
      "1",
      "processes of its payload",
    );
    await host.ok(["sh", "-c", line("ExecStop")]);
    same(await podman.ok("ps", "--all", "--quiet"), "", "containers left");
    listener.kill();
  },
  "a container tells systemd that it is ready": async (podman) => {
    const { host, image } = podman;
    const [socket, told] = [host.folder.join("run/notify"), host.folder.join("home/told")];
    const listener = host.start(["perl", "-e", LISTEN, socket, told]);
    await until("somebody listens", async () => (await host.run(["test", "-S", socket])).exitCode === 0);
    // the machine's own perl; the image has nothing in these folders
    const perl = ["--volume=/usr:/usr:ro", "--volume=/lib:/lib:ro", "--volume=/lib64:/lib64:ro"];
    const words = [
      "run",
      "--detach",
      "--name=box",
      "--network=none",
      "--sdnotify=container",
      ...perl,
      ...podman.limits,
    ];
    await host.ok(["env", `NOTIFY_SOCKET=${socket}`, ...podman.command(...words, image, "/usr/bin/perl", "-e", SEND)]);
    await until("systemd was told", async () => (await host.run(["cat", told])).stdout.includes("READY=1"));
    listener.kill();
  },
};
