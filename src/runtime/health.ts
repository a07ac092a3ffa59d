/** Health checks of a detached container: a program of its monitor's plan that native runs from time to time (native/health.c). */
import { O_DIRECTORY, O_PATH, O_RDONLY, PR_SET_DUMPABLE, SIGKILL } from "../linux/abi.gen.ts";
import { encode, type PlanBuilder, type Program } from "../plan/index.ts";
import { eventLine } from "./event-line.ts";
import { addIdentity } from "./identity.ts";
import { readNamespaces } from "./namespaces.ts";
import { addProcess, addProcessLimits } from "./process.ts";
import type { Served, ServedOptions } from "./served.ts";

export interface HealthCheck {
  /** The command line, in the container. */
  readonly args: readonly string[];
  /** Milliseconds, but for `retries`. */
  readonly times: {
    readonly interval: number;
    readonly timeout: number;
    readonly retries: number;
    readonly startPeriod: number;
    readonly startInterval: number;
  };
  /** The file that tells how it goes. */
  readonly path: string;
}

/** Appends it to the monitor, from where on it counts. */
export function addHealth(
  plan: PlanBuilder,
  monitor: Program,
  health: HealthCheck,
  options: ServedOptions,
  served: Served,
): void {
  const { config } = served.compilation;
  if (config.process === undefined) return;
  const process = { ...config.process, args: health.args, terminal: false };
  const [pidfd, output] = [monitor.slot(), monitor.slot()];
  const cgroup = options.cgroup === undefined ? null : monitor.slot();
  if (cgroup !== null && options.cgroup !== undefined)
    monitor.add("openat2", [cgroup, null, options.cgroup, O_PATH | O_DIRECTORY, 0, 0], { note: "open the cgroup" });
  const check = plan.program("health", monitor);
  const inside = plan.program("check", check);
  const { create, join } = readNamespaces(config);
  const namespaces = join.reduce((flags, { flag }) => flags | flag, create);
  const [nothing, pid] = [check.slot(), check.slot()];
  const root = inside.slot();
  check.add("openat2", [nothing, null, "/dev/null", O_RDONLY, 0, 0]);
  check.add("dup2", [nothing, 0]);
  for (const target of [1, 2]) check.add("dup2", [output, target]);
  // from here on the container's processes may see it; execve ends that
  check.add("prctl", [PR_SET_DUMPABLE, 0, 0]);
  if (namespaces !== 0) check.add("setns", [served.child, namespaces], { note: "join the container's namespaces" });
  check.add("clone", [inside, 0, pid, null, 0, SIGKILL]);
  check.add("wait", [pid]);
  check.add("exit", [256]);

  const compilation = {
    ...served.compilation,
    config: { ...config, process },
    outside: check,
    inside,
    root,
    exposed: true,
  };
  addIdentity(compilation, true);
  addProcessLimits(compilation, process);
  addProcess(compilation, {
    process,
    // nobody listens to a filter of a check
    seccomp: options.seccomp === undefined ? undefined : { ...options.seccomp, listener: undefined },
    terminal: undefined,
    stdio: [undefined, undefined, undefined],
    preserveFds: 0,
    keep: [],
    init: false,
    deathSignal: SIGKILL,
  });
  const { interval, timeout, retries, startPeriod, startInterval } = health.times;
  const times = new BigUint64Array([interval, timeout, retries, startPeriod, startInterval].map(BigInt));
  const { events } = options.records;
  const event = encode(new TextDecoder().decode(eventLine(events?.health ?? {})).slice(1));
  monitor.add(
    "health",
    [check, pidfd, output, cgroup, new Uint8Array(times.buffer), health.path, events?.path ?? "", event],
    { expand: true },
  );
}
