/** `pause` and `unpause`: the freezer of the container's cgroup. cgroup-v2.rst, "cgroup.freeze" */
import { TsboxError } from "../error.ts";
import { event } from "./events.ts";
import { containerState, readRecord } from "./state.ts";
import { nameOf } from "./stop.ts";

/** @throws TsboxError `busy` when it does not run or is paused already, `host` when it has no cgroup */
export async function pauseContainer(store: string, id: string, pause: boolean): Promise<void> {
  const record = readRecord(store, id);
  const { status, cgroup } = containerState(store, record);
  const cannot = (code: "busy" | "host", reason: string) =>
    new TsboxError(code, `cannot ${pause ? "pause" : "unpause"} container ${nameOf(record)}: ${reason}`);
  if (pause ? status !== "running" : status !== "paused") throw cannot("busy", `it is ${status}`);
  if (cgroup === undefined)
    throw cannot("host", "it has no cgroup, because none is delegated to you; tsbox doctor says how to get one");
  const { freezeCgroup } = await import("../runtime/cgroup/index.ts");
  await freezeCgroup({ manager: "cgroupfs", path: cgroup }, pause);
  event(store, record, pause ? "pause" : "unpause");
}
