/** Connecting a container that runs to a network, and taking it out of one. */
import { TsboxError } from "../../error.ts";
import { CLONE_NEWNET, CLONE_NEWUSER, O_RDONLY, PR_SET_PDEATHSIG, SIGKILL, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { readText } from "../../linux/read-text.ts";
import { syscall } from "../../linux/syscall.ts";
import { addFailureProgram, addNullStreams, PlanBuilder, type SpawnOptions, spawnNative } from "../../plan/index.ts";
import { addAttachment } from "./attach.ts";
import { disconnect, dismiss } from "./connection.ts";
import type { NetworkDefinition } from "./definition.ts";
import { type JoinWish, joinNamed, visitHub } from "./join.ts";
import { removeLink } from "./messages.ts";
import { readSubnet } from "./subnet.ts";

const STARTED = 1;
/** The first descriptor after the plan's. */
const GIVEN = 4;

/**
 * A small process holds the container's place in the network until the container ends, or is taken out.
 * @param pid of the container's first process, which is in a named network already, or in none with the user namespace of networks
 * @throws TsboxError as `joinNamed`
 */
export async function connectRunning(
  store: string,
  network: NetworkDefinition,
  wish: JoinWish,
  pid: number,
): Promise<void> {
  const process = check("pidfd_open", syscall(SYS.pidfd_open, pid, 0), `process ${pid}`);
  try {
    const joined = await joinNamed(store, network, { ...wish, pid });
    const { socket, network: net, user } = joined.connection;
    const plan = new PlanBuilder();
    const launcher = plan.program("launcher");
    const [ours, theirs, child] = [launcher.slot(), launcher.slot(), launcher.slot()];
    launcher.add("socketpair", [ours, theirs]);
    const keeper = plan.program("keeper", launcher);
    launcher.add("clone", [keeper, 0, child, null, 1, SIGKILL], { note: "start a process" });
    launcher.add("close", [theirs]);
    launcher.add("recv", [ours, STARTED], { note: "connect the container" });
    launcher.add("exit", [0]);

    keeper.add("take_reports", []);
    keeper.add("close", [ours]);
    keeper.add("setsid", []);
    const [connection, container] = [keeper.slot(), keeper.slot()];
    keeper.add("adopt", [connection, GIVEN]);
    keeper.add("adopt", [container, GIVEN + 2]);
    const place = { socket: GIVEN, network: GIVEN + 1, user: user === undefined ? undefined : GIVEN + 3 };
    const into = { pid, device: nextDevice(pid) };
    addAttachment(plan, keeper, { networks: [{ ...joined, connection: place }], outside: false, into });
    keeper.add("chdir", ["/"]);
    addNullStreams(keeper);
    keeper.add("prctl", [PR_SET_PDEATHSIG, 0, 0]);
    keeper.add("leave", [theirs, STARTED]);
    keeper.add("await_either", [connection, container]);
    keeper.add("exit", [0]);
    addFailureProgram(plan);
    await carryOut(
      plan,
      [socket, net, process, ...(user === undefined ? [] : [user])],
      `connect the container to network ${network.name}`,
    );
    disconnect(joined.connection);
  } finally {
    syscall(SYS.close, process);
  }
}

/**
 * @param id the container's
 * @throws TsboxError `not-found` when it is not in the network
 */
export async function disconnectRunning(
  store: string,
  network: NetworkDefinition,
  id: string,
  pid: number,
): Promise<void> {
  const hub = visitHub(store, network);
  const absent = () =>
    new TsboxError(
      "not-found",
      `cannot disconnect container ${id.slice(0, 12)} from network ${network.name}: it is not in it`,
    );
  if (hub === undefined) throw absent();
  try {
    if (!dismiss(hub.socket, id)) throw absent();
    const device = deviceOf(pid, network);
    if (device === undefined) return;
    const plan = new PlanBuilder();
    const program = plan.program("disconnect");
    const [net, user] = [program.slot(), program.slot()];
    program.add("openat2", [net, null, `/proc/${pid}/ns/net`, O_RDONLY, 0, 0], {
      note: "open the container's network namespace",
    });
    if (hub.user !== undefined) {
      program.add("adopt", [user, GIVEN]);
      program.add("setns", [user, CLONE_NEWUSER], { note: "enter the networks' user namespace" });
    }
    program.add("setns", [net, CLONE_NEWNET], { note: "enter the container's network namespace" });
    program.add("netlink", [removeLink(device), null, 0], { note: `remove ${device}` });
    program.add("exit", [0]);
    addFailureProgram(plan);
    await carryOut(
      plan,
      hub.user === undefined ? [] : [hub.user],
      `disconnect the container from network ${network.name}`,
    );
  } finally {
    disconnect(hub);
  }
}

async function carryOut(plan: PlanBuilder, given: readonly number[], what: string): Promise<void> {
  const stdio: SpawnOptions["stdio"] = ["ignore", "ignore", "pipe", ...given];
  const native = spawnNative(plan.encode(), { stdio });
  const said = await new Response(native.stderr as ReadableStream).text(); // cast: it is a pipe
  const status = await native.exited;
  if (status === 0) return;
  if (/enter the container's network namespace: operation not permitted/.test(said))
    throw new TsboxError(
      "busy",
      `cannot ${what}: it was in no network while others came and went, so that its user namespace is not theirs; stop it, connect it, and start it`,
    );
  throw new TsboxError("host", `cannot ${what}: ${said.trim().replace(/^tsbox: /, "") || `status ${status}`}`);
}

/** The first N for which the container has no ethN. */
function nextDevice(pid: number): number {
  const text = readText(`/proc/${pid}/net/dev`);
  for (let number = 0; ; number++) if (!new RegExp(`^ *eth${number}:`, "m").test(text)) return number;
}

/** The device by which the container reaches a network: proc(5), /proc/net/route, whose numbers are as the kernel has them in memory. */
function deviceOf(pid: number, { subnet }: NetworkDefinition): string | undefined {
  const base = new DataView(new ArrayBuffer(4));
  base.setUint32(0, readSubnet(subnet).base);
  const destination = base.getUint32(0, true).toString(16).toUpperCase().padStart(8, "0");
  const lines = readText(`/proc/${pid}/net/route`)
    .split("\n")
    .map((line) => line.split("\t"));
  return lines.find(([, to]) => to === destination)?.[0];
}
