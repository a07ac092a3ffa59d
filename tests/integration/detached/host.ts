/** Somebody with an image and containers that stay; all of them are gone when the test is over. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { nameOwner } from "../../../src/container/names.ts";
import { writeBusyboxLayout } from "../../support/busybox-image.ts";
import { Person, TSBOX } from "../../support/tsbox.ts";

export class Host extends Person {
  readonly image = writeBusyboxLayout(this.folder.join("layout"));

  /** `run -d` without a network, which few tests are about. @returns the id */
  async start(args: readonly string[], command: readonly string[]): Promise<string> {
    return (await this.ok(["run", "-d", "--network=none", ...args, this.image, ...command])).trim();
  }

  /** The folder of a container by its name or id. */
  container(name: string): string {
    const folder = `${this.storage}/containers`;
    return `${folder}/${existsSync(`${folder}/${name}`) ? name : nameOwner(this.storage, "containers", name)}`;
  }

  read(name: string, file: string): string {
    return readFileSync(`${this.container(name)}/${file}`, "utf8");
  }

  /** Containers that are on disk. */
  containers(): string[] {
    const folder = `${this.storage}/containers`;
    return existsSync(folder) ? readdirSync(folder).filter((name) => name !== "names") : [];
  }

  /** pid of the first process. */
  pid(name: string): number {
    return JSON.parse(this.read(name, "started.json")).pid;
  }

  /** pid of the monitor: the first process's parent, as the host sees it. @throws Error when it does not run */
  monitor(name: string): number {
    const { pid, startTime } = JSON.parse(this.read(name, "started.json"));
    const fields = statFields(pid);
    // its number may be another's by now, whose parent is nobody's to kill
    if (Number(fields[19]) !== startTime) throw new Error(`${name} does not run`);
    return Number(fields[1]);
  }

  override [Symbol.dispose](): void {
    Bun.spawnSync([TSBOX, "rm", "--force", "--all"], { env: this.env, cwd: this.home });
    super[Symbol.dispose]();
  }
}

/** Milliseconds: what takes one when nothing else runs may take seconds beside other work on a small machine. */
const PATIENCE = 30_000;

/** Until it is true. @throws Error that names it */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout = PATIENCE,
): Promise<void> {
  const deadline = Date.now() + timeout;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`);
    await Bun.sleep(20);
  }
}

/** read(2) and ppoll(2) */
const [READ, PPOLL] = process.arch === "arm64" ? ["63", "73"] : ["0", "271"];

/** Whether a `tsbox wait` does nothing but wait: for what a monitor says, or for the end of a first process. proc(5), /proc/PID/syscall */
export function waitsFor(pid: number): boolean {
  const [call, descriptor = ""] = readFileSync(`/proc/${pid}/syscall`, "utf8").split(" ");
  if (call !== READ) return call === PPOLL;
  try {
    return readlinkSync(`/proc/${pid}/fd/${Number(descriptor)}`).startsWith("socket:");
  } catch {
    return false; // it has read what it wanted, and closed the file
  }
}

export function isProcess(pid: number): boolean {
  try {
    return !" ZX".includes(statFields(pid)[0] || "X");
  } catch {
    return false;
  }
}

/** Whether a command has become the client of a monitor, and waits for what that or the person says. */
export function isClient(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("memfd:tsbox") && statFields(pid)[0] === "S";
}

/** From the state's letter on. proc(5), /proc/PID/stat */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
