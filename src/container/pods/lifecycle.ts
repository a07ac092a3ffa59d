/** Starting and ending all containers of a pod. */
import { TsboxError } from "../../error.ts";
import { selfCommand } from "../../plan/index.ts";
import { containerFolder, isRunning } from "../folder.ts";
import { isUp, type ListedContainer } from "../list.ts";
import { pauseContainer } from "../pause.ts";
import { containerState, recordIfPresent } from "../state.ts";
import { killContainer, stopContainer } from "../stop.ts";
import type { PodRecord } from "./folder.ts";
import { endHolder } from "./holder.ts";
import { containersOf } from "./state.ts";

/**
 * Starts those that do not run, at once; before the first of them, those that run first, one after the other.
 * @throws TsboxError naming all that cannot be started
 */
export async function startPod(store: string, pod: PodRecord): Promise<void> {
  const all = containersOf(store, pod).filter(({ record }) => !pod.init?.includes(record.id));
  const idle = all.filter(({ state }) => !isUp(state));
  if (idle.length === all.length) for (const id of pod.init ?? []) await runToEnd(store, pod, id);
  await forAll(pod, "start", idle, async ({ record }) => await startContainer(record.id));
}

async function runToEnd(store: string, pod: PodRecord, id: string): Promise<void> {
  const record = recordIfPresent(store, id);
  // somebody has removed it
  if (record === undefined) return;
  await startContainer(id);
  // not before its monitor has written down how
  for (let pause = 1; isRunning(containerFolder(store, id)); pause = Math.min(pause * 2, 20)) await Bun.sleep(pause);
  const { exitCode } = containerState(store, record);
  if (exitCode === 0) return;
  throw new TsboxError(
    "host",
    `cannot start pod ${pod.name}: ${record.name}, which runs first, ended with status ${exitCode}; see tsbox logs ${record.name}`,
  );
}

/** In a process of its own, because the process that starts a container becomes its launcher. */
export async function startContainer(id: string): Promise<void> {
  const child = Bun.spawn([...selfCommand(), "start", "--", id], { stdio: ["ignore", "ignore", "pipe"] });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new TsboxError("host", said.trim().replace(/^tsbox: /, ""));
  if (said !== "") process.stderr.write(said);
}

/** @param timeout seconds; each container's own when undefined */
export async function stopPod(store: string, pod: PodRecord, timeout: number | undefined): Promise<void> {
  await forAll(
    pod,
    "stop",
    containersOf(store, pod),
    async ({ record }) => await stopContainer(store, record.id, { timeout }),
  );
  await endHolder(store, pod);
}

/** @throws TsboxError naming what could not be done */
export async function killPod(store: string, pod: PodRecord, signal: number): Promise<void> {
  const running = containersOf(store, pod).filter(({ state }) => state.pid !== 0);
  if (running.length === 0) throw new TsboxError("busy", `cannot kill pod ${pod.name}: no container of it runs`);
  await forAll(pod, "kill", running, async ({ record }) => killContainer(store, record.id, signal));
}

export async function pausePod(store: string, pod: PodRecord, pause: boolean): Promise<void> {
  const status = pause ? "running" : "paused";
  const containers = containersOf(store, pod).filter(({ state }) => state.status === status);
  await forAll(pod, pause ? "pause" : "unpause", containers, async ({ record }) => {
    await pauseContainer(store, record.id, pause);
  });
}

async function forAll(
  pod: PodRecord,
  verb: string,
  containers: readonly ListedContainer[],
  work: (container: ListedContainer) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(containers.map(work));
  const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [messageOf(outcome.reason)] : []));
  if (reasons.length > 0) throw new TsboxError("host", `cannot ${verb} pod ${pod.name}: ${reasons.join("; ")}`);
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
