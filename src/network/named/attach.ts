/** The part of a plan that connects a container to its named networks, and its helper's device to the outside. */
import { CLONE_NEWNET, CLONE_NEWUSER, O_RDONLY, SIGKILL } from "../../linux/abi.gen.ts";
import { randomHex } from "../../linux/random.ts";
import { type PlanBuilder, type Program, type Slot, SUBJECT_PID } from "../../plan/index.ts";
import { BRIDGE } from "./hub-plan.ts";
import type { Joined } from "./join.ts";
import { joinBridge, linkUp, newAddress, newVeth, openDefaultRoute, openHostRoute, openLinkUp } from "./messages.ts";
import { readSubnet, toNumber } from "./subnet.ts";

/** Number of eth0 in the container; the next networks have the next ones. */
const FIRST_DEVICE = 1001;
/** pasta's device, and where all that is not in a network is sent: pasta answers for any address, and this one is nobody's (RFC 3927). */
export const OUTSIDE_DEVICE = "outside0";
export const OUTSIDE_ROUTER = "169.254.1.1";
/** As pasta has it: the most that IPv4 takes. */
const OUTSIDE_MTU = 65520;

export interface Attachment {
  readonly networks: readonly Joined[];
  /** pasta has made a device, which has neither an address nor routes. */
  readonly outside: boolean;
  /** A container that runs: its first process, and the number of the first device that it is to get. */
  readonly into?: { readonly pid: number; readonly device: number };
}

/**
 * Appends to `outside`, for when the container's first process and the helper are there, but not yet the program. A process of its own
 * enters the namespaces, because entering is for good. The connections to the hubs stay open in `outside`.
 */
export function addAttachment(
  plan: PlanBuilder,
  outside: Program,
  { networks, outside: hasOutside, into }: Attachment,
): void {
  const inherited = (fd: number): Slot => {
    const slot = outside.slot();
    outside.add("adopt", [slot, fd]);
    // whoever this process becomes later, to start the container again, gets its own
    outside.add("close_on_exec", [slot]);
    return slot;
  };
  const hubs = networks.map(({ connection }) => {
    inherited(connection.socket);
    const user = connection.user === undefined ? undefined : inherited(connection.user);
    return { net: inherited(connection.network), user };
  });
  const namespace = outside.slot();
  outside.add("openat2", [namespace, null, `/proc/${into?.pid ?? SUBJECT_PID}/ns/net`, O_RDONLY, 0, 0], {
    expand: true,
    note: "open the container's network namespace",
  });
  const pid = outside.slot();
  const worker = plan.program("network", outside);
  outside.add("clone", [worker, 0, pid, null, 0, SIGKILL], { note: "start a process" });
  outside.add("wait_success", [pid], { note: "connect the container to its network" });
  for (const slot of [pid, namespace]) outside.add("close", [slot]);

  const user = hubs[0]?.user;
  if (user !== undefined) worker.add("setns", [user, CLONE_NEWUSER], { note: "enter the network's user namespace" });
  worker.add("setns", [namespace, CLONE_NEWNET], { note: "enter the container's network namespace" });
  // the kernel takes a number for the one end only where it is made, and ends are made in the container
  const devices = networks.map((joined, i) => {
    const hub = hubs[i];
    const number = (into?.device ?? 0) + i;
    const [index, name, peer] = [FIRST_DEVICE + number, `eth${number}`, `v${randomHex(6)}`];
    if (hub !== undefined) addDevice(worker, joined, { index, name, peer, hub: hub.net });
    return { network: joined.network, net: hub?.net, peer };
  });
  if (hasOutside) addOutside(worker);
  for (const { network, net, peer } of devices) {
    if (net === undefined) continue;
    worker.add("setns", [net, CLONE_NEWNET], { note: `enter the network ${network.name}` });
    worker.add("netlink", [joinBridge(peer, BRIDGE), null, 0], {
      note: `connect the container to the network ${network.name}`,
    });
  }
}

function addDevice(
  worker: Program,
  { network, address, mac }: Joined,
  { index, name, peer, hub }: { index: number; name: string; peer: string; hub: Slot },
): void {
  const mtu = network.options.mtu === undefined ? undefined : Number(network.options.mtu);
  const veth = newVeth({ index, name, mac, mtu, peer });
  worker.add("netlink", [veth.bytes, hub, veth.offset], { note: `make ${name}` });
  const { prefix } = readSubnet(network.subnet);
  worker.add("netlink", [newAddress(index, toNumber(address), prefix), null, 0], {
    note: `give ${name} the address ${address}`,
  });
  worker.add("netlink", [linkUp(index), null, 0], { note: `bring up ${name}` });
}

function addOutside(worker: Program): void {
  const device = worker.slot();
  worker.add("interface", [device, OUTSIDE_DEVICE], { note: `find ${OUTSIDE_DEVICE}` });
  const router = toNumber(OUTSIDE_ROUTER);
  const steps = [
    [openLinkUp(OUTSIDE_MTU), `bring up ${OUTSIDE_DEVICE}`],
    [openHostRoute(router), "make the way to the outside"],
    [openDefaultRoute(router), "make the way to the outside"],
  ] as const;
  for (const [{ bytes, offset }, note] of steps) worker.add("netlink", [bytes, device, offset], { note });
}
