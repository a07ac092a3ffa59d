/**
 * Boots a virtual machine, runs scenarios in it one after the other, and reports what each printed.
 *
 *     const outcomes = await boot({ kernel: "6.12" }, { limits: "tsbox run ...", "devices.root": "..." });
 *
 * A scenario is a script of busybox's shell. It runs as the user `u`, whose cgroup is delegated as systemd does it, or as
 * root where its name ends in ".root".
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { program, type Requirement } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type CpioEntry, cpio } from "./cpio.ts";
import { guestFiles } from "./guest.ts";
import { type KernelName, kernel } from "./kernel.ts";

export type Machine = {
  readonly kernel: KernelName;
  /** added to the kernel's command line */
  readonly append?: string;
  /** kernel modules beside those that every machine has; such as the kernel does not have are left out */
  readonly modules?: readonly string[];
  /** seconds after which it is killed, {@link TIME_LIMIT} when undefined; tests wait 900 for all attempts */
  readonly limit?: number;
  /** changes what is in the machine */
  readonly edit?: (files: CpioEntry[]) => CpioEntry[];
};

export type Outcome = {
  /** exit status of the script; 137 after three minutes */
  readonly status: number;
  /** what it printed, to stdout and stderr */
  readonly output: string;
};

const MODULES = ["virtio_pci", "virtio_blk", "overlay", "fuse", "tun"];

/** Seconds after which a machine is killed. */
const TIME_LIMIT = 400;

/**
 * It is up in ten seconds, or twice that on a busy machine. Once in a while qemu's emulated processors stop before the kernel has
 * printed anything; a machine that has not come as far as the first scenario is started again.
 */
const BOOT_LIMIT = 90;
const ATTEMPTS = 3;

/** What every test in a machine needs. */
export const machineRequirements: Requirement[] = [
  { what: "an x86-64 machine", inCI: false, met: () => process.arch === "x64" },
  program("qemu-system-x86_64"),
  program("newuidmap"),
  program("fuse-overlayfs"),
  program("fusermount3"),
];

/**
 * @param scenarios name to script; they run in the order given
 * @throws Error with the end of the console when the machine did not run all of them
 */
export async function boot(
  machine: Machine,
  scenarios: Readonly<Record<string, string>>,
): Promise<Map<string, Outcome>> {
  using folder = temporaryFolder();
  const { image, modules } = kernel(machine.kernel);
  const loaded = modules([...MODULES, ...(machine.modules ?? [])]);
  const base = guestFiles();
  const files: CpioEntry[] = [
    ...(machine.edit?.(base) ?? base),
    { path: "/modules/order", data: loaded.map(({ name }) => `${name}\n`).join("") },
    ...loaded.map(({ name, data }) => ({ path: `/modules/${name}.ko`, data })),
    ...Object.entries(scenarios).map(([name, script], index) => ({
      path: `/scenarios/${String(index).padStart(3, "0")}-${name}.sh`,
      data: script,
    })),
  ];
  const archive = Bun.file(folder.join("initramfs")).writer();
  for (const piece of cpio(files)) archive.write(piece);
  await archive.end();
  const append = `console=ttyS0 loglevel=6 panic=-1 ${machine.append ?? ""}`;
  const command = (attempt: number) => [
    "qemu-system-x86_64",
    ...["-accel", "tcg", "-cpu", "max", "-m", "1536", "-smp", "2", "-no-reboot"],
    ...["-nodefaults", "-display", "none", "-monitor", "none", "-serial", `file:${folder.join(`console${attempt}`)}`],
    ...["-serial", `file:${folder.join(`results${attempt}`)}`, "-kernel", image, "-initrd", folder.join("initramfs")],
    ...["-append", append, "-drive", `file=${folder.join("disk")},if=virtio,format=raw,cache=unsafe`],
  ];
  let seen = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    makeDisk(folder.join("disk"));
    const read = (name: string) => readIfThere(folder.join(`${name}${attempt}`));
    const said = await watch(command(attempt), () => read("results").includes("@@ up"), machine.limit);
    const results = read("results");
    if (results.includes("@@ finished")) return outcomes(results);
    seen = `${said}${read("console").slice(-3000)}\n${results.slice(-3000)}`;
    if (results.includes("@@ up")) break;
  }
  throw new Error(`the machine ended before its scenarios did: ${seen}`);
}

/** An empty ext4 of 1 GiB, most of which is a hole. */
function makeDisk(path: string): void {
  writeFileSync(path, "");
  const { success, stderr } = Bun.spawnSync(["mke2fs", "-q", "-F", "-t", "ext4", path, "1G"], { env: PATHS });
  if (!success) throw new Error(`cannot make a disk: ${stderr.toString()}`);
}

const readIfThere = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

/**
 * Runs qemu to its end, or kills it when it is not up, or not done, in time.
 *
 * @returns what it said to stderr
 */
async function watch(command: string[], isUp: () => boolean, limit = TIME_LIMIT): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const kill = () => child.kill("SIGKILL");
  const early = setTimeout(() => isUp() || kill(), BOOT_LIMIT * 1000);
  const late = setTimeout(kill, limit * 1000);
  const said = await new Response(child.stderr).text();
  await child.exited;
  clearTimeout(early);
  clearTimeout(late);
  return said;
}

const PATHS = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };

function outcomes(results: string): Map<string, Outcome> {
  const pattern = /^@@ begin \d+-(\S+)\n([\s\S]*?)\n@@ end \S+ (\d+) (\S+)$/gm;
  return new Map(
    [...results.matchAll(pattern)].map(([, name = "", output = "", status]) => [
      name,
      { status: Number(status), output },
    ]),
  );
}
