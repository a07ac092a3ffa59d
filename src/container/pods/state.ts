/** What a pod does right now: nothing but what its containers do. */
import { type ListedContainer, listContainers } from "../list.ts";
import type { PodRecord } from "./folder.ts";

/** Podman's words. */
export type PodStatus = "Created" | "Running" | "Paused" | "Degraded" | "Exited" | "Stopped";

/** Its containers, in the order in which they were made. */
export function containersOf(store: string, pod: Pick<PodRecord, "id">): ListedContainer[] {
  return membersByPod(store).get(pod.id) ?? [];
}

/** The containers of all pods. */
export function membersByPod(store: string): Map<string, ListedContainer[]> {
  const found = new Map<string, ListedContainer[]>();
  // the newest first
  for (const container of listContainers(store).reverse()) {
    const { pod } = container.record;
    if (pod === undefined) continue;
    const list = found.get(pod);
    if (list === undefined) found.set(pod, [container]);
    else list.push(container);
  }
  return found;
}

/** Some run: `Degraded`. All have ended: `Exited`; some have, the others were never started: `Stopped`. */
export function podStatus(pod: Pick<PodRecord, "init">, members: readonly ListedContainer[]): PodStatus {
  // those that run first have done their work when they have ended well
  const containers = members.filter(
    ({ record, state }) => !(pod.init?.includes(record.id) && state.status === "exited" && state.exitCode === 0),
  );
  const count = (...statuses: readonly string[]) =>
    containers.filter(({ state }) => statuses.includes(state.status)).length;
  const all = containers.length;
  if (all === 0) return "Created";
  const running = count("running", "restarting");
  if (running === all) return "Running";
  if (running > 0) return "Degraded";
  if (count("paused") === all) return "Paused";
  if (count("paused") > 0) return "Degraded";
  const exited = count("exited");
  if (exited === all) return "Exited";
  return exited > 0 ? "Stopped" : "Created";
}
