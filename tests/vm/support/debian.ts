/**
 * A real Debian in a virtual machine, with systemd as its first program and a user `u` whose manager lingers: what happens to
 * containers that systemd starts, also after a reboot.
 *
 *     const [first, second] = await bootDebian(["as_u systemctl --user start web", "as_u tsbox ps"]);
 *
 * Each script runs as root in a service when the user's manager is up, with a reboot before the next; `as_u COMMAND...` runs
 * something as the user. `systemd` 252 is Debian 12's.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { BUSYBOX, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { debianTar } from "../../support/debian-image.ts";
import type { Requirement } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { TSBOX } from "../../support/tsbox.ts";
import { type CpioEntry, cpio } from "./cpio.ts";
import { kernel } from "./kernel.ts";
import type { Outcome } from "./machine.ts";

const PACKAGES = [
  ...["systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd"],
  ...["uidmap", "fuse-overlayfs", "fuse3"],
];
const MODULES = ["virtio_pci", "virtio_blk", "overlay", "fuse", "tun"];
const PATHS = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };

/** Seconds after which a machine is killed: without KVM, each boot takes about a minute. */
const TIME_LIMIT = 960;

/** Services that only cost time here. */
const MASKED = [
  "getty@tty1",
  "serial-getty@ttyS0",
  "systemd-timesyncd",
  "e2scrub_reap",
  "apt-daily",
  "systemd-firstboot",
];

const INIT = `#!/bin/sh
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
while read -r module; do insmod "/modules/$module.ko"; done </modules/order
mount -t ext4 /dev/vda /new || { echo "cannot mount the disk"; poweroff -f; }
if [ ! -e /new/scenarios ]; then
  cp -a /payload/. /new/
  echo 'u:x:1000:1000::/home/u:/bin/sh' >>/new/etc/passwd
  echo 'u:x:1000:' >>/new/etc/group
  echo 'u:*:19000:0:99999:7:::' >>/new/etc/shadow
  echo 'u:100000:65536' >>/new/etc/subuid
  echo 'u:100000:65536' >>/new/etc/subgid
fi
umount /proc
mount --move /dev /new/dev
exec switch_root /new /sbin/init
`;

const SERVICE = `[Unit]
After=dbus.service systemd-user-sessions.service systemd-logind.service
[Service]
Type=simple
ExecStart=/scenarios/main
Delegate=yes
[Install]
WantedBy=multi-user.target
`;

const MAIN = `#!/bin/sh
stty -F /dev/ttyS1 raw
exec 3>/dev/ttyS1
boot=$(cat /scenarios/count 2>/dev/null || echo 0)
echo $((boot + 1)) >/scenarios/count
# the user's default target has been reached when this returns
for i in $(seq 200); do
  [ "$(as_u systemctl --user is-active default.target 2>/dev/null)" = active ] && break
  sleep 0.2
done
as_u systemctl --user is-active --quiet default.target || journalctl -b -u user@1000 >&3
echo "@@ up" >&3
if [ -e /scenarios/$boot.sh ]; then
  timeout -s KILL 500 sh /scenarios/$boot.sh >/tmp/output 2>&1 3>&- </dev/null
  status=$?
  { echo "@@ begin $boot"; cat /tmp/output; echo; echo "@@ end $boot $status"; } >&3
fi
sync
if [ -e /scenarios/$((boot + 1)).sh ]; then systemctl reboot; else echo "@@ finished" >&3; systemctl poweroff; fi
`;

const AS_U = `#!/bin/sh
cd /home/u
exec setpriv --reuid=1000 --regid=1000 --init-groups env -i HOME=/home/u USER=u XDG_RUNTIME_DIR=/run/user/1000 \\
  DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin LANG=C.UTF-8 "$@"
`;

/**
 * @param files more that is in the machine
 * @returns what came of each script
 * @throws Error with the end of the console when the machine did not run all of them
 */
export async function bootDebian(scripts: readonly string[], files: readonly CpioEntry[] = []): Promise<Outcome[]> {
  using folder = temporaryFolder();
  const { image, modules } = kernel("6.12");
  const loaded = modules(MODULES);
  const applets = Bun.spawnSync([BUSYBOX, "--list"]).stdout.toString().split("\n").filter(Boolean);
  const entries: CpioEntry[] = [
    { path: "/init", data: INIT },
    { path: "/bin/busybox", data: readFileSync(BUSYBOX) },
    ...applets
      .filter((name) => name !== "busybox")
      .map((name): CpioEntry => ({ path: `/bin/${name}`, type: "symlink", data: "busybox" })),
    ...["/dev", "/proc", "/new"].map((path): CpioEntry => ({ path, type: "directory" })),
    { path: "/dev/console", type: "character-device", mode: 0o600, device: [5, 1] },
    { path: "/modules/order", data: loaded.map(({ name }) => `${name}\n`).join("") },
    ...loaded.map(({ name, data }) => ({ path: `/modules/${name}.ko`, data })),
    ...payload(scripts, files).map((entry) => ({ ...entry, path: `/payload${entry.path}` })),
  ];
  const archive = Bun.file(folder.join("initramfs")).writer();
  for (const piece of cpio(entries)) archive.write(piece);
  await archive.end();
  const command = [
    "qemu-system-x86_64",
    ...["-accel", "tcg", "-cpu", "max", "-m", "2048", "-smp", "2"],
    ...["-nodefaults", "-display", "none", "-monitor", "none", "-serial", `file:${folder.join("console")}`],
    ...["-serial", `file:${folder.join("results")}`, "-kernel", image, "-initrd", folder.join("initramfs")],
    ...["-append", "console=ttyS0 loglevel=4 panic=-1"],
    ...["-drive", `file=${disk()},if=virtio,format=raw,snapshot=on,cache=unsafe`],
  ];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe", env: { ...process.env } });
  const late = setTimeout(() => child.kill("SIGKILL"), TIME_LIMIT * 1000);
  const said = await new Response(child.stderr).text();
  await child.exited;
  clearTimeout(late);
  const results = existsSync(folder.join("results")) ? readFileSync(folder.join("results"), "utf8") : "";
  if (!results.includes("@@ finished")) {
    const console = existsSync(folder.join("console")) ? readFileSync(folder.join("console"), "utf8").slice(-3000) : "";
    throw new Error(`the machine ended before its scripts did: ${said}${console}\n${results.slice(-6000)}`);
  }
  const pattern = /^@@ begin \d+\n([\s\S]*?)\n@@ end \d+ (\d+)$/gm;
  return [...results.matchAll(pattern)].map(([, output = "", status]) => ({ status: Number(status), output }));
}

function payload(scripts: readonly string[], files: readonly CpioEntry[]): CpioEntry[] {
  return [
    { path: "/usr/bin/tsbox", data: readFileSync(TSBOX) },
    { path: "/usr/bin/as_u", data: AS_U },
    { path: "/scenarios/main", data: MAIN },
    ...scripts.map((data, index): CpioEntry => ({ path: `/scenarios/${index}.sh`, mode: 0o644, data })),
    { path: "/etc/systemd/system/scenario.service", mode: 0o644, data: SERVICE },
    {
      path: "/etc/systemd/system/multi-user.target.wants/scenario.service",
      type: "symlink",
      data: "/etc/systemd/system/scenario.service",
    },
    ...MASKED.map(
      (name): CpioEntry => ({ path: `/etc/systemd/system/${name}.service`, type: "symlink", data: "/dev/null" }),
    ),
    { path: "/etc/machine-id", mode: 0o444, data: "0123456789abcdef0123456789abcdef\n" },
    // as `loginctl enable-linger` leaves it
    { path: "/var/lib/systemd/linger/u", mode: 0o644, data: "" },
    { path: "/home/u", type: "directory", mode: 0o700, uid: 1000, gid: 1000 },
    ...imageFiles(),
    ...files,
  ];
}

function imageFiles(): CpioEntry[] {
  using folder = temporaryFolder();
  writeBusyboxLayout(folder.join("image"));
  return readdirSync(folder.join("image"), { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(folder.join("image", name)).isFile())
    .map((name) => ({ path: `/image/${name}`, mode: 0o644, data: readFileSync(folder.join("image", name)) }));
}

/** Not for certain in CI: it is made from Debian's mirror when it is first wanted. */
export function debianDisk(): Requirement {
  try {
    disk();
    return { what: "a Debian with systemd", inCI: false, met: () => true };
  } catch (error) {
    const reason = String(error).split("\n")[0]?.replaceAll("]", ")");
    return { what: `a Debian with systemd (${reason})`, inCI: false, met: () => false };
  }
}

/** The machine's disk, which is never written to; made once, in the cache of the user who runs the tests. */
function disk(): string {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsbox-tests");
  const path = join(cache, "debian-systemd.ext4");
  if (existsSync(path)) return path;
  const tar = debianTar(PACKAGES);
  mkdirSync(cache, { recursive: true });
  const work = `${path}.${process.pid}`;
  // owners are kept: as seen from a user namespace with all ids that the user has. Device files come with devtmpfs.
  const script = `mkdir "$1" && tar -xf "$2" -C "$1" --exclude='./dev/*' && mke2fs -q -F -t ext4 -d "$1" "$1.ext4" 1500M; status=$?; rm -rf "$1"; exit $status`;
  const inside = process.getuid?.() === 0 ? [] : ["unshare", "--user", "--map-auto", "--map-root-user"];
  const { success, stderr } = Bun.spawnSync([...inside, "sh", "-c", script, "sh", work, tar], {
    env: { ...process.env, ...PATHS },
  });
  if (!success) {
    rmSync(`${work}.ext4`, { force: true });
    throw new Error(`cannot make a disk with Debian: ${stderr.toString()}`);
  }
  renameSync(`${work}.ext4`, path);
  return path;
}
