/** Root file systems of bundles that lead mounts, masks and writes of the runtime elsewhere, also while it works. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { box, test } from "../runtime/lifecycle/box.ts";
import type { BundleConfig } from "../support/bundle.ts";
import { withAllCapabilities } from "./support/watcher.ts";

const it = box();
const sh = (script: string) => ["sh", "-c", script];
let count = 0;

/** A bundle whose root file system is changed before it is used. */
function hostile(
  prepare: (rootfs: string) => void,
  args: readonly string[] = ["true"],
  edit: (config: BundleConfig) => void = () => {},
): string {
  const bundle = it.bundle({ args, edit });
  prepare(join(bundle, "rootfs"));
  return bundle;
}

const run = async (bundle: string) => await it.run(["run", "--bundle", bundle, it.id()]);

/** An empty folder of the host, in which nothing must appear. */
function outsideFolder(): string {
  const folder = it.path(`outside-${++count}`);
  mkdirSync(folder);
  return folder;
}

function replaceByLink(path: string, target: string): void {
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
}

const withoutDev = (config: BundleConfig) => {
  config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev" && destination !== "/dev/pts");
};

for (const advisory of ["CVE-2019-19921", "CVE-2023-27561", "CVE-2023-28642"]) {
  test(`${advisory}: a bundle whose /proc is a link is refused, whether it leads inside or outside`, async () => {
    for (const target of ["/tmp", "../../../../../tmp", "tmp"]) {
      const { exitCode, stderr } = await run(hostile((rootfs) => replaceByLink(join(rootfs, "proc"), target)));
      expect([target, exitCode]).toEqual([target, 1]);
      expect(stderr).toContain("/proc");
    }
  });
}

test("CVE-2019-16884: nothing is mounted over part of /proc", async () => {
  for (const destination of ["/proc/self/attr", "/proc/sys", "/proc/../proc/self", "/tmp/../proc/sys"]) {
    const { exitCode, stderr } = await run(
      it.bundle({ edit: (config) => config.mounts.push({ destination, type: "tmpfs", source: "tmpfs" }) }),
    );
    expect([destination, exitCode]).toEqual([destination, 1]);
    expect(stderr).toContain("/proc");
  }
});

test("CVE-2019-16884: nor by a link into it, which a bundle has where a volume, a device or the terminal goes", async () => {
  const volume = it.path(`volume-${++count}`);
  mkdirSync(volume);
  const cases: [string, (config: BundleConfig) => void][] = [
    ["proc/sys", (config) => config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs" })],
    ["/proc/1/attr", (config) => config.mounts.push({ destination: "/data", type: "bind", source: volume })],
    ["proc", (config) => config.mounts.push({ destination: "/data", type: "bind", source: volume })],
    ["proc", (config) => config.mounts.push({ destination: "/data/sys", type: "bind", source: volume })],
    [
      "proc/version",
      (config) => {
        config.linux.devices = [{ path: "/data", type: "c", major: 1, minor: 3 }];
      },
    ],
  ];
  for (const [target, edit] of cases) {
    const bundle = hostile((rootfs) => symlinkSync(target, join(rootfs, "data")), ["true"], edit);
    const { exitCode, stderr } = await run(bundle);
    expect([target, exitCode, stderr]).toEqual([target, 1, expect.stringContaining("/data")]);
  }
  const terminal = hostile(
    (rootfs) => symlinkSync("../proc/version", join(rootfs, "dev/console")),
    ["true"],
    (config) => {
      withoutDev(config);
      config.process.terminal = true;
      config.mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance"] });
    },
  );
  await using session = it.person.terminal(["oci", "--root", it.root, "run", "--bundle", terminal, it.id()]);
  expect(await session.exited).toBe(1);
  expect(session.screen()).toContain("/dev/console");
});

test("CVE-2019-16884: only procfs may be mounted at /proc", async () => {
  for (const mount of [
    { type: "tmpfs", source: "tmpfs" },
    { type: "bind", source: it.path("."), options: ["rbind"] },
    { type: "sysfs", source: "sysfs" },
  ]) {
    const { exitCode, stderr } = await run(
      it.bundle({ edit: (config) => config.mounts.push({ destination: "/proc", ...mount }) }),
    );
    expect([mount.type, exitCode, stderr]).toEqual([mount.type, 1, expect.stringContaining("/proc")]);
  }
});

for (const advisory of ["CVE-2021-30465", "CVE-2024-45310"]) {
  test(`${advisory}: a folder that becomes a link to the host and back while mounts are made leads nowhere outside`, async () => {
    const outside = outsideFolder();
    const volume = it.path(`volume-${++count}`);
    mkdirSync(volume);
    writeFileSync(join(volume, "marker"), "volume");
    const bundle = hostile(
      (rootfs) => {
        mkdirSync(join(rootfs, "shared/data"), { recursive: true });
        symlinkSync(outside, join(rootfs, "shared/link"));
      },
      sh(
        `ls ${outside}/made ${outside}/deep > /dev/null 2>&1; cat /shared/data/made/marker /shared/link/made/marker 2> /dev/null; true`,
      ),
      (config) => {
        config.mounts.push(
          { destination: "/shared/data/made", type: "bind", source: volume, options: ["rbind"] },
          { destination: "/shared/data/deep/er", type: "tmpfs", source: "tmpfs" },
        );
        config.process.cwd = "/";
      },
    );
    const shared = join(bundle, "rootfs/shared");
    const swapper = Bun.spawn(
      [process.execPath, join(ROOT, "tests/security/support/swapper.ts"), `${shared}/data`, `${shared}/link`],
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    await swapper.stdout.getReader().read();
    let worked = 0;
    for (let i = 0; i < 40; i++) {
      const { exitCode } = await run(bundle);
      if (exitCode === 0) worked++;
      expect(readdirSync(outside)).toEqual([]);
    }
    swapper.kill("SIGKILL");
    await swapper.exited;
    expect(worked).toBeGreaterThan(0);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(outside);
    expect(readdirSync(volume)).toEqual(["marker"]);
  });
}

test("CVE-2025-31133: what masks a path is the host's /dev/null, also when the bundle's is exchanged for a link meanwhile", async () => {
  const secret = it.path("secret");
  writeFileSync(secret, "of the host");
  const bundle = hostile(
    (rootfs) => {
      symlinkSync(secret, join(rootfs, "dev/null"));
      writeFileSync(join(rootfs, "dev/other"), "of the bundle");
      writeFileSync(join(rootfs, "masked"), "hidden");
    },
    sh("cat /masked; cat /proc/keys; stat -c %t:%T /masked"),
    (config) => {
      withoutDev(config);
      config.linux.maskedPaths = ["/masked", "/proc/keys"];
    },
  );
  const swapper = Bun.spawn(
    [
      process.execPath,
      join(ROOT, "tests/security/support/swapper.ts"),
      join(bundle, "rootfs/dev/null"),
      join(bundle, "rootfs/dev/other"),
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  await swapper.stdout.getReader().read();
  for (let i = 0; i < 20; i++) {
    const { exitCode, stdout } = await run(bundle);
    if (exitCode === 0) expect(stdout).toBe("1:3\n");
    else expect(stdout).toBe("");
  }
  swapper.kill("SIGKILL");
  await swapper.exited;
  expect(readFileSync(secret, "utf8")).toBe("of the host");
});

for (const advisory of ["CVE-2026-41579", "CVE-2026-47766"]) {
  test(`${advisory}: a bundle whose /dev is a link leads no device outside`, async () => {
    const outside = outsideFolder();
    await run(hostile((rootfs) => replaceByLink(join(rootfs, "dev"), outside)));
    await run(hostile((rootfs) => replaceByLink(join(rootfs, "dev"), outside), ["true"], withoutDev));
    expect(readdirSync(outside)).toEqual([]);
  });
}

test("CVE-2025-52565: the terminal is not bound over what /dev/console leads to", async () => {
  const victim = it.path("victim");
  writeFileSync(victim, "untouched");
  const bundle = hostile(
    (rootfs) => symlinkSync(victim, join(rootfs, "dev/console")),
    sh("stat -L -c 'device %t' /dev/console; echo end"),
    (config) => {
      config.process.terminal = true;
      withoutDev(config);
      config.mounts.push({
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666"],
      });
    },
  );
  await using session = it.person.terminal(["oci", "--root", it.root, "run", "--bundle", bundle, it.id()]);
  expect(await session.exited).toBe(0);
  // in the container's own folder of that name
  expect(session.screen()).toBe("device 88\r\nend\r\n");
  expect(readFileSync(victim, "utf8")).toBe("untouched");
});

test("CVE-2025-52881: nothing is written through a procfs that is none, by create or by exec", async () => {
  const fake = "mkdir -p self/attr 1; for f in self/oom_score_adj self/attr/exec; do echo fake > $f; done";
  const bundle = it.bundle({
    args: sh(`mount -t tmpfs tmpfs /proc && cd /proc && ${fake} && echo ready && sleep 1000`),
    edit: withAllCapabilities,
  });
  const id = it.id();
  const container = it.spawn(["run", "--bundle", bundle, id]);
  while (container.output() !== "ready\n") await Bun.sleep(10);
  const processFile = it.path("oom.json");
  const oom = { args: ["sleep", "1000"], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 }, oomScoreAdj: 555 };
  writeFileSync(processFile, JSON.stringify(oom));
  await it.ok(["exec", "--detach", "--process", processFile, "--pid-file", it.path("oom.pid"), id]);
  expect(readFileSync(`/proc/${it.read("oom.pid")}/oom_score_adj`, "utf8")).toBe("555\n");
  expect(await it.ok(["exec", id, "cat", "/proc/self/oom_score_adj", "/proc/self/attr/exec"])).toBe("fake\nfake\n");
  await it.ok(["kill", id, "KILL"]);
  await container.result();

  // a bundle that brings its own
  const own = hostile(
    (rootfs) => {
      mkdirSync(join(rootfs, "proc/self"));
      writeFileSync(join(rootfs, "proc/self/oom_score_adj"), "fake");
    },
    sh("cat /proc/self/oom_score_adj"),
    (config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      config.process.oomScoreAdj = 556;
    },
  );
  expect((await run(own)).stdout).toBe("fake");
  const sysctl = hostile(
    (rootfs) => {
      mkdirSync(join(rootfs, "proc/sys/kernel"), { recursive: true });
      writeFileSync(join(rootfs, "proc/sys/kernel/msgmax"), "fake");
    },
    ["true"],
    (config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      config.linux.sysctl = { "kernel.msgmax": "9000" };
    },
  );
  const { exitCode, stderr } = await run(sysctl);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("/proc")]);
  expect(readFileSync(join(sysctl, "rootfs/proc/sys/kernel/msgmax"), "utf8")).toBe("fake");
});

test("a sysctl that is the host's, or leads to one, is refused", async () => {
  const bad = [
    "kernel.panic",
    "kernel/../kernel/panic",
    "net/../kernel/panic",
    "net.ipv4.ip_forward",
    "../uptime",
    "fs.file-max",
    "kernel.core_pattern",
    "/kernel/msgmax",
    "",
  ];
  for (const key of bad) {
    const bundle = it.bundle({
      edit: (config) => {
        config.linux.sysctl = { [key]: "1" };
      },
    });
    const { exitCode, stderr } = await run(bundle);
    expect([key, exitCode]).toEqual([key, 1]);
    expect(stderr).toContain("sysctl");
  }
});

test("CVE-2023-25809: the host's cgroups cannot be written without a cgroup namespace, nor by /sys of the host", async () => {
  const host = existsSync("/sys/fs/cgroup/unified/cgroup.procs") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
  const bundle = it.bundle({
    args: sh(
      "cat /proc/mounts; for f in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $f/escaped 2> /dev/null && echo made $f; done; true",
    ),
    edit: (config) => {
      withAllCapabilities(config);
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
      config.mounts.push(
        { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro", "nosuid", "noexec", "nodev"] },
        {
          destination: "/sys/fs/cgroup",
          type: "cgroup",
          source: "cgroup",
          options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
        },
      );
    },
  });
  const { stdout } = await run(bundle);
  expect(stdout).not.toContain("made ");
  const mounts = stdout
    .split("\n")
    .filter((line) => / (cgroup2?) /.test(line) && line.split(" ")[1] === "/sys/fs/cgroup");
  expect(mounts.filter((line) => !/ ro[, ]/.test(line))).toEqual([]);
  expect(existsSync(`${host}/escaped`)).toBe(false);
});
