/** What tsbox writes into config.json means the same to runtimes that are not ours. */
import { expect, setDefaultTimeout } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { chooseMapping } from "../../../src/idmap/index.ts";
import type { RuntimeConfig } from "../../../src/oci/index.ts";
import { BUSYBOX, busybox } from "../../support/busybox-image.ts";
import { crunRuns, runcRuns } from "../../support/peers.ts";
import { type Requirement, requires, subordinateIds, unprivileged } from "../../support/skip.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/tmp.ts";
import { FILES, specify } from "./specification.ts";

setDefaultTimeout(30_000);

const SCRIPT = `
id -u; id -g; id -G
echo "$HOME $HOSTNAME $ANSWER"; pwd
grep -E '^(CapBnd|CapEff|CapInh|NoNewPrivs)' /proc/self/status
cat /data/hello; cat /etc/hosts
touch /data/no 2>&1; touch /file 2>&1
ulimit -n; df -k /dev/shm | tail -1 | awk '{print $2}'
head -c 4 /proc/keys | wc -c; echo x 2>&1 > /proc/sys/kernel/hostname
`;

const EXPECTED = [
  "/home/guest box 42\n/work",
  "CapInh:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000800005fb\nNoNewPrivs:\t1",
  "hello\n127.0.0.1 localhost",
  "touch: /data/no: Read-only file system\ntouch: /file: Read-only file system",
  "\n1024\n4096\n0\n",
];

type Edit = (config: RuntimeConfig) => RuntimeConfig;

/** runc sets no groups in a user namespace that it makes itself. */
const withoutGroups: Edit = (config) => {
  if (config.process === undefined) return config;
  const { additionalGids: _, ...user } = config.process.user;
  return { ...config, process: { ...config.process, user } };
};

const RUNTIMES: readonly {
  readonly command: readonly string[];
  readonly needs: Requirement;
  readonly edit: Edit;
  readonly groups: string;
}[] = [
  { command: ["crun", "--cgroup-manager=disabled"], needs: crunRuns, edit: (config) => config, groups: "1000 29 100" },
  { command: ["runc"], needs: runcRuns, edit: withoutGroups, groups: "1000 0" },
];

function bundle(folder: TemporaryFolder, flags: readonly string[], script: string, edit: Edit): void {
  const { mapping } = chooseMapping();
  for (const name of ["bin", "etc", "proc", "sys", "dev", "data", "run", "work"]) {
    mkdirSync(folder.join("rootfs", name), { recursive: true });
  }
  copyFileSync(BUSYBOX, folder.join("rootfs/bin/busybox"));
  symlinkSync("busybox", folder.join("rootfs/bin/sh"));
  for (const [path, text] of Object.entries(FILES)) writeFileSync(folder.join("rootfs", path), text);
  mkdirSync(folder.join("data"));
  writeFileSync(folder.join("data/hello"), "hello\n");
  writeFileSync(folder.join("hosts"), "127.0.0.1 localhost\n");
  const config = specify([...flags, "image", "sh", "-c", script], {
    context: {
      mapping,
      hostname: "box",
      rootPath: folder.join("rootfs"),
      files: { "/etc/hosts": folder.join("hosts") },
      unifiedCgroups: existsSync("/sys/fs/cgroup/cgroup.controllers"),
      newNetwork: !flags.includes("--network=host"),
    },
  });
  writeFileSync(folder.join("config.json"), JSON.stringify(edit(config)));
}

function run(command: readonly string[], folder: TemporaryFolder): { output: string; status: number } {
  const { stdout, stderr, exitCode } = Bun.spawnSync(
    [
      ...command,
      "--root",
      folder.join("state"),
      "run",
      "--bundle",
      folder.path,
      `tsbox-test-${process.pid}-${Date.now()}`,
    ],
    { env: { ...process.env, XDG_RUNTIME_DIR: folder.path } },
  );
  // runc warns between the lines that it cannot freeze what has no cgroup
  const said = stderr.toString().replace(/^time=.* level=warning .*\n/gm, "");
  return { output: `${stdout}${said}`.replace(/\r/g, ""), status: exitCode };
}

for (const { command, needs, edit, groups } of RUNTIMES) {
  const [runtime] = command;
  const test = requires(needs, busybox, subordinateIds, unprivileged);

  test(`${runtime} runs what tsbox specifies, with the user, mounts and rights that were asked for`, () => {
    using folder = temporaryFolder();
    const data = folder.join("data");
    const flags = `-u guest -w /work -e ANSWER=42 --read-only -v ${data}:/data:ro --tmpfs /run:mode=700 --shm-size 4m --ulimit nofile=1024:1024`;
    bundle(
      folder,
      [...flags.split(" "), "--ulimit", "core=-1", "--cap-drop", "mknod,net_raw,sys_chroot,audit_write"],
      SCRIPT,
      edit,
    );
    const { output, status } = run(command, folder);
    expect(output).toContain("hello");
    for (const part of [`1000\n1000\n${groups}\n`, ...EXPECTED]) expect(output).toContain(part);
    expect(status).not.toBe(0); // the last command writes to a read-only path
  });

  test(`${runtime} runs it in the host's network and process namespaces`, () => {
    using folder = temporaryFolder();
    bundle(folder, ["--network=host", "--pid=host"], "ls -d /sys/class/net/lo /proc/self/status; touch /sys/x", edit);
    const { output, status } = run(command, folder);
    expect(output).toContain("/proc/self/status\n/sys/class/net/lo\ntouch: /sys/x: Read-only file system");
    expect(status).toBe(1);
  });
}
