/** The plan of a network's hub: its namespaces, the bridge in them, and the process that stays (`native/hub.c`). */
import type { IdMapping } from "../../idmap/index.ts";
import {
  CLONE_NEWNET,
  CLONE_NEWUSER,
  O_RDONLY,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  SIGKILL,
} from "../../linux/abi.gen.ts";
import {
  addFailureProgram,
  addIdMapping,
  addListening,
  addNullStreams,
  PlanBuilder,
  type Program,
  type Slot,
  SUBJECT_PID,
} from "../../plan/index.ts";
import type { NetworkDefinition } from "./definition.ts";
import { macOf } from "./mac.ts";
import { linkUp, newAddress, newBridge } from "./messages.ts";
import { readSubnet, toNumber } from "./subnet.ts";

/** The bridge's number in its namespace: above those that the kernel gives to the devices of tunnels. */
export const BRIDGE = 1000;
const DNS_PORT = 53;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
/** HUB_INTERNAL */
const INTERNAL = 1;
const [GO, DONE, STARTED] = [1, 2, 3];

export interface HubPlan {
  readonly network: NetworkDefinition;
  readonly mapping: IdMapping;
  /** The network's, absolute. */
  readonly folder: string;
  /** Descriptor, in the process that carries it out, of a user namespace with that mapping to be used; a new one is made without. */
  readonly user: number | undefined;
}

/** The process that carries it out ends when the hub listens. */
export function hubPlan({ network, mapping, folder, user }: HubPlan): Uint8Array {
  const plan = new PlanBuilder();
  const launcher = plan.program("launcher");
  const [ours, theirs, pid, log] = [launcher.slot(), launcher.slot(), launcher.slot(), launcher.slot()];
  launcher.add("memfd", [log, "helpers"]);
  launcher.add("socketpair", [ours, theirs]);
  const hub = plan.program("hub", launcher);
  launcher.add("clone", [hub, 0, pid, null, 1, SIGKILL], { note: "start the network's hub" });
  launcher.add("close", [theirs]);
  launcher.add("recv", [ours, STARTED], { note: "start the network's hub" });
  launcher.add("exit", [0]);

  hub.add("take_reports", []);
  hub.add("close", [ours]);
  hub.add("setsid", []);
  const made = addNamespaces(plan, hub, { network, mapping, user, log });
  addStanding(hub, network, folder, { theirs, ...made });
  addFailureProgram(plan, log);
  return plan.encode();
}

interface Made {
  readonly udp: Slot | null;
  readonly tcp: Slot | null;
  readonly net: Slot;
  readonly user: Slot | null;
}

/** A process makes the namespaces, and in them the bridge and the sockets of the resolver, and ends; what it made stays by descriptor. */
function addNamespaces(
  plan: PlanBuilder,
  hub: Program,
  { network, mapping, user: given, log }: Pick<HubPlan, "network" | "mapping" | "user"> & { log: Slot },
): Made {
  const [ours, theirs, child, net] = [hub.slot(), hub.slot(), hub.slot(), hub.slot()];
  const user = mapping.kind === "none" ? null : hub.slot();
  const [udp, tcp] = network.dnsEnabled ? [hub.slot(), hub.slot()] : [null, null];
  if (user !== null && given !== undefined) hub.add("adopt", [user, given]);
  const maker = plan.program("bridge", hub);
  hub.add("socketpair", [ours, theirs]);
  const makesUser = user !== null && given === undefined;
  const flags = makesUser ? CLONE_NEWUSER | CLONE_NEWNET : 0;
  hub.add("clone", [maker, flags, child, null, 1, SIGKILL], { note: "make the network's namespaces" });
  hub.add("close", [theirs]);
  if (makesUser) addIdMapping(plan, hub, mapping, log);
  hub.add("send", [ours, GO], { note: "make the network" });
  if (udp !== null && tcp !== null) {
    hub.add("recv_fd", [udp, ours], { note: "make the network" });
    hub.add("recv_fd", [tcp, ours], { note: "make the network" });
  } else {
    hub.add("recv", [ours, DONE], { note: "make the network" });
  }
  const open = (slot: Slot, name: string) =>
    hub.add("openat2", [slot, null, `/proc/${SUBJECT_PID}/ns/${name}`, O_RDONLY, 0, 0], {
      expand: true,
      note: `open the network's ${name} namespace`,
    });
  open(net, "net");
  if (user !== null && makesUser) open(user, "user");
  hub.add("send", [ours, DONE]);
  hub.add("wait_success", [child], { note: "make the network" });
  for (const slot of [ours, child]) hub.add("close", [slot]);

  maker.add("close", [ours]);
  maker.add("recv", [theirs, GO], { note: "wait for the id mapping" });
  if (user !== null && !makesUser)
    maker.add("setns", [user, CLONE_NEWUSER], { note: "enter the networks' user namespace" });
  if (mapping.kind === "subuid") maker.add("setgroups", [new Uint8Array()], { note: "drop supplementary groups" });
  // keep-id with a single id has no user 0; the process has all capabilities all the same
  if (user !== null && hasRoot(mapping.gids))
    maker.add("setresgid", [0], { note: "become group 0 of the user namespace" });
  if (user !== null && hasRoot(mapping.uids))
    maker.add("setresuid", [0], { note: "become user 0 of the user namespace" });
  // entering, and becoming another user, take that away, and with it the hub's way to /proc/PID/ns
  maker.add("prctl", [PR_SET_DUMPABLE, 1, 0]);
  if (!makesUser) maker.add("unshare", [CLONE_NEWNET], { note: "make the network's namespace" });
  const gateway = toNumber(network.gateway);
  const mtu = network.options.mtu === undefined ? undefined : Number(network.options.mtu);
  maker.add("loopback_up", [], { note: "bring up the loopback device" });
  maker.add("netlink", [newBridge(BRIDGE, "bridge0", macOf(gateway), mtu), null, 0], { note: "make a bridge" });
  maker.add("netlink", [newAddress(BRIDGE, gateway, readSubnet(network.subnet).prefix), null, 0], {
    note: `give the bridge the address ${network.gateway}`,
  });
  maker.add("netlink", [linkUp(BRIDGE), null, 0], { note: "bring up the bridge" });
  if (network.dnsEnabled) {
    for (const type of [SOCK_DGRAM, SOCK_STREAM]) {
      const socket = maker.slot();
      maker.add("inet_socket", [socket, type, gateway, DNS_PORT], { note: "make the resolver's sockets" });
      maker.add("send_fd", [theirs, socket]);
    }
  } else {
    maker.add("send", [theirs, DONE]);
  }
  maker.add("recv", [theirs, DONE]);
  maker.add("exit", [0]);
  return { udp, tcp, net, user };
}

function hasRoot(ranges: IdMapping["uids"]): boolean {
  return ranges.some(({ container }) => container === 0);
}

/** From here on it holds nothing of its starter's: not its folder, its terminal, its pipes. */
function addStanding(hub: Program, network: NetworkDefinition, folder: string, use: Made & { theirs: Slot }): void {
  const listener = hub.slot();
  addListening(hub, folder, "hub", listener);
  hub.add("chdir", ["/"]);
  addNullStreams(hub);
  hub.add("prctl", [PR_SET_PDEATHSIG, 0, 0]);
  hub.add("leave", [use.theirs, STARTED]);
  const { base, prefix } = readSubnet(network.subnet);
  const subnet = (BigInt(prefix) << 32n) | BigInt(base);
  hub.add("hub", [listener, use.udp, use.tcp, use.net, use.user, subnet, network.internal ? INTERNAL : 0]);
  hub.add("exit", [0]);
}
