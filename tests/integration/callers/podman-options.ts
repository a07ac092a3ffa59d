/** Options of podman that end in a field of config.json, and namespaces that it makes or takes itself. For podman 5. */
import { writeFileSync } from "node:fs";
import { same } from "./host.ts";
import { type Podman, sleeper } from "./podman-driver.ts";

/** `run --rm` without a network. @returns its output */
const once = (podman: Podman, options: readonly string[], ...command: string[]): Promise<string> =>
  podman.run("--rm", "--network=none", ...options, podman.image, ...command);

const status = (podman: Podman, field: string, ...options: string[]): Promise<string> =>
  once(podman, options, "sed", "-n", `s/^${field}:[[:space:]]*//p`, "/proc/self/status").then((text) => text.trim());

export const optionScenarios: Record<string, (podman: Podman) => Promise<void>> = {
  "run --init": async (podman) => {
    const shown = await once(podman, ["--init"], "sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '");
    if (!shown.startsWith("/run/podman-init --")) throw new Error(`the first process is ${shown}`);
  },
  "seccomp, no-new-privileges, capabilities, privileged": async (podman) => {
    same(await status(podman, "Seccomp"), "2", "Seccomp");
    same(await status(podman, "Seccomp", "--security-opt=seccomp=unconfined"), "0", "Seccomp");
    same(await status(podman, "NoNewPrivs", "--security-opt=no-new-privileges"), "1", "NoNewPrivs");
    const profile = podman.host.folder.join("profile.json");
    const rule = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 };
    writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }));
    const refused = await once(podman, [`--security-opt=seccomp=${profile}`], "sh", "-c", "mkdir /x 2>&1 || true");
    if (!/not supported/i.test(refused)) throw new Error(`mkdir was not refused: ${refused}`);
    same(await status(podman, "CapEff", "--cap-drop=all", "--cap-add=CHOWN"), "0000000000000001", "CapEff");
    same(
      await status(podman, "CapAmb", "--cap-drop=all", "--cap-add=CHOWN", "--user=1000"),
      "0000000000000001",
      "CapAmb",
    );
    const privileged = "test -c /dev/full; mount -t tmpfs tmpfs /tmp; echo x > /tmp/x; cat /tmp/x";
    same(await once(podman, ["--privileged"], "sh", "-c", privileged), "x\n", "output");
  },
  "user namespaces": async (podman) => {
    const map = (...options: string[]) => once(podman, options, "cat", "/proc/self/uid_map");
    const size = (text: string) => text.split("\n").reduce((sum, line) => sum + (Number(line.split(/ +/)[3]) || 0), 0);
    same(size(await map("--userns=auto")) >= 1024, true, "ids of auto");
    same(size(await map("--userns=auto:size=2000")), 2000, "ids of auto");
    same(size(await map("--uidmap=0:1:500", "--gidmap=0:1:500")), 500, "ids of uidmap");
    if (podman.host.root) return;
    const script = "id -u; id -g; touch /home/x; stat -c %u /home";
    const own = podman.host.folder.join("home");
    same(
      await once(podman, ["--userns=keep-id", `--volume=${own}:/home`], "sh", "-c", script),
      "1000\n1000\n1000\n",
      "ids",
    );
    same(await once(podman, ["--userns=keep-id:uid=7,gid=8"], "sh", "-c", "id -u; id -g"), "7\n8\n", "ids");
    same(await once(podman, ["--userns=nomap"], "id", "-u"), "0\n", "id");
  },
  "namespaces of the host and of another container": async (podman) => {
    const { image } = podman;
    same(await once(podman, ["--pid=host"], "cat", "/proc/1/comm"), "catatonit\n", "--pid=host");
    same(await once(podman, ["--uts=host"], "hostname"), "machine\n", "--uts=host");
    same(await once(podman, ["--cgroupns=host"], "echo", "hi"), "hi\n", "--cgroupns=host");
    const links = "cut -d: -f1 -s /proc/net/dev | tr -d ' '";
    same(await once(podman, [], "sh", "-c", links), "lo\n", "--network=none");
    same(
      (await podman.run("--rm", "--network=host", image, "sh", "-c", links)).includes("eth1"),
      true,
      "--network=host",
    );
    await sleeper(podman, "box", "--hostname=other");
    const join = ["--pid=container:box", "--ipc=container:box", "--uts=container:box"];
    const shared = await podman.run(
      "--rm",
      "--network=container:box",
      ...join,
      image,
      "sh",
      "-c",
      "cat /proc/1/comm; hostname",
    );
    same(shared, "sleep\nother\n", "what is shared");
  },
  "cgroups: of its own, of the host, none": async (podman) => {
    const own = "cut -d: -f3- /proc/self/cgroup | tail -n 1";
    same(await once(podman, ["--cgroupns=private"], "sh", "-c", own), "/\n", "--cgroupns=private");
    const outside = await once(podman, ["--cgroupns=host", "--cgroup-parent=/session/parent"], "sh", "-c", own);
    if (!/^\/session\/parent\/libpod-[0-9a-f]{64}/.test(outside)) throw new Error(`--cgroup-parent: ${outside}`);
    same(await once(podman, ["--cgroups=disabled"], "echo", "hi"), "hi\n", "--cgroups=disabled");
    same(await once(podman, ["--cgroups=no-conmon"], "echo", "hi"), "hi\n", "--cgroups=no-conmon");
    // a program like systemd has its cgroup to itself, and a /run that it may write
    const script = "mkdir /sys/fs/cgroup/mine && test -d /run/lock && echo $container";
    same(await once(podman, ["--systemd=always"], "sh", "-c", script), "podman\n", "--systemd=always");
  },
  "volumes: named, overlaid, of another's ids, of another container, devices, sysctls, limits": async (podman) => {
    const home = podman.host.folder.join("home");
    await podman.ok("volume", "create", "data");
    await once(podman, ["--volume=data:/data"], "sh", "-c", "echo kept > /data/file");
    same(await once(podman, ["--volume=data:/data:ro"], "cat", "/data/file"), "kept\n", "a named volume");
    same(await once(podman, [`--volume=${home}:/h:O`], "sh", "-c", "echo x > /h/gone; cat /h/gone"), "x\n", ":O");
    same(await once(podman, [`--volume=${home}:/h`], "sh", "-c", "test ! -e /h/gone; echo $?"), "0\n", "what :O left");
    same(await once(podman, ["--user=7", "--volume=own:/h:U"], "sh", "-c", "touch /h/x; stat -c %u /h/x"), "7\n", ":U");
    await sleeper(podman, "box", "--volume=data:/data");
    same(await once(podman, ["--volumes-from=box"], "cat", "/data/file"), "kept\n", "--volumes-from");
    same(
      await once(podman, ["--tmpfs=/etc"], "cat", "/etc/group").then((text) => text.includes("guest")),
      true,
      "tmpcopyup",
    );
    same(
      await once(podman, ["--device=/dev/fuse:/dev/other:rw"], "sh", "-c", "test -c /dev/other; echo $?"),
      "0\n",
      "--device",
    );
    same(
      await once(
        podman,
        ["--sysctl=net.ipv4.ip_unprivileged_port_start=7"],
        "cat",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start",
      ),
      "7\n",
      "--sysctl",
    );
    same(
      await once(
        podman,
        ["--ulimit=core=0:0", "--umask=0077", "--shm-size=1m"],
        "sh",
        "-c",
        "ulimit -c; umask; df -k /dev/shm | awk 'NR==2{print $2}'",
      ),
      "0\n0077\n1024\n",
      "limits",
    );
    same(await once(podman, ["--workdir=/usr/bin", "--entrypoint=pwd"]), "/usr/bin\n", "--workdir");
    same(
      await once(podman, ["--read-only", "--read-only-tmpfs"], "sh", "-c", "touch /run/x /tmp/x && echo ok"),
      "ok\n",
      "--read-only-tmpfs",
    );
  },
};
