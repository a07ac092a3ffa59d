/** Podman with a runtime, and storage of its own. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeBusyboxLayout } from "../../support/busybox-image.ts";
import { Host } from "./host.ts";
import type { Place } from "./place.ts";

export class Podman implements AsyncDisposable {
  image = "";
  readonly host: Host;
  readonly #runtime: string;

  constructor(host: Host, runtime: string) {
    this.host = host;
    this.#runtime = runtime;
  }

  command(...args: string[]): string[] {
    const { folder } = this.host;
    const roots = ["--root", folder.join("storage"), "--runroot", folder.join("run/storage")];
    const how = ["--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=file"];
    return ["podman", "--log-level=error", ...roots, ...how, "--runtime", this.#runtime, ...args];
  }

  /** Options of `run` and `create` without which podman asks for what CI's root may not have (CAP_SYS_RESOURCE, controllers). */
  get limits(): string[] {
    return this.host.root ? ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--pids-limit=0"] : [];
  }

  run = (...args: string[]) => this.host.ok(this.command("run", ...this.limits, ...args));
  ok = (...args: string[]) => this.host.ok(this.command(...args));

  async state(name: string): Promise<string> {
    return (await this.ok("inspect", "--format={{.State.Status}}", name)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.run(this.command("rm", "--all", "--force", "--time=0"));
    await this.host.run(this.command("pod", "rm", "--all", "--force"));
    const pause = join(this.host.env.XDG_RUNTIME_DIR ?? "", "libpod/tmp/pause.pid");
    if (existsSync(pause)) await this.host.run(["kill", "-KILL", readFileSync(pause, "utf8")]);
    await this.host[Symbol.asyncDispose]();
  }
}

export async function makePodman(runtime: string, place: Place): Promise<Podman> {
  const podman = new Podman(await Host.make(place), runtime);
  const layout = writeBusyboxLayout(podman.host.folder.join("image"));
  podman.image = (await podman.ok("pull", "--quiet", layout)).trim();
  return podman;
}

/** A container that runs until it is killed. */
export async function sleeper(podman: Podman, name: string, ...options: string[]): Promise<void> {
  await podman.run("--detach", "--name", name, "--network=none", ...options, podman.image, "sleep", "1000");
}
