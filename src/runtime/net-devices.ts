/** `linux.netDevices` of config.json: devices of the host that become the container's. config-linux.md, "Network Devices" */
import { TsboxError } from "../error.ts";
import { O_RDONLY } from "../linux/abi.gen.ts";
import {
  type Attribute,
  attributeOffset,
  attributesOf,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  netlinkMessage,
  requestRoute,
} from "../linux/netlink.ts";
import { encode, type Slot, SUBJECT_PID } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

// <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>, <linux/if.h>
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_FD = 28;
const IFLA_NEW_IFINDEX = 49;
const IFA_LABEL = 3;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_PERMANENT = 0x80;
const RT_SCOPE_UNIVERSE = 0;
const IFF_UP = 1;
/** Those that somebody chose (NODAD, HOMEADDRESS, MANAGETEMPADDR, NOPREFIXROUTE, MCAUTOJOIN); the others are the kernel's. */
const CHOSEN_FLAGS = 0x02 | 0x10 | 0x100 | 0x200 | 0x400;

/**
 * What is added to a device's number: in the container the number may be taken, by the fallback devices of tunnels for example,
 * and addresses are given by number before anybody could ask for the new one.
 */
const INDEX_OFFSET = 1_000_000;

const LINK_SIZE = 16;
const ADDRESS_SIZE = 8;

/** Bytes of the conversation. */
const IN_NAMESPACE = 8;
const MOVED = 9;

/** `struct ifinfomsg` */
function linkHeader(index: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(LINK_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, flags, true); // which of them change
  return bytes;
}

const uint32 = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
const name = (text: string) => encode(`${text}\0`);

function indexOf(device: string): number {
  try {
    const query = netlinkMessage(RTM_GETLINK, NLM_F_REQUEST, linkHeader(0), [
      { type: IFLA_IFNAME, value: name(device) },
    ]);
    const body = requestRoute(query, device)[0]?.body ?? new Uint8Array(LINK_SIZE);
    return new DataView(body.buffer, body.byteOffset).getInt32(4, true);
  } catch (cause) {
    throw new TsboxError("not-found", `cannot run: linux.netDevices: ${device}: the host has no such device`, {
      cause,
    });
  }
}

/** The addresses that the container's device has to have: permanent ones of global scope. */
function addressesOf(index: number): Message[] {
  const query = netlinkMessage(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, new Uint8Array(ADDRESS_SIZE), []);
  return requestRoute(query, "the addresses of network devices").filter((message) => {
    const view = new DataView(message.body.buffer, message.body.byteOffset);
    const permanent = (flagsOf(message) & IFA_F_PERMANENT) !== 0;
    return view.getUint32(4, true) === index && view.getUint8(3) === RT_SCOPE_UNIVERSE && permanent;
  });
}

function flagsOf(message: Message): number {
  const value = attributesOf(message, ADDRESS_SIZE).find(({ type }) => type === IFA_FLAGS)?.value;
  return value === undefined ? (message.body[2] ?? 0) : new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}

/** The same address for a device of another number and name. */
function addressMessage(message: Message, index: number, from: string, to: string): Uint8Array {
  const flags = flagsOf(message) & CHOSEN_FLAGS;
  const fixed = message.body.slice(0, ADDRESS_SIZE);
  fixed[2] = flags & 0xff;
  new DataView(fixed.buffer).setUint32(4, index, true);
  const attributes = attributesOf(message, ADDRESS_SIZE).filter(
    ({ type }) => type !== IFA_FLAGS && type !== IFA_CACHEINFO && type !== IFA_LABEL,
  );
  const label = attributesOf(message, ADDRESS_SIZE).find(({ type }) => type === IFA_LABEL);
  const text = label === undefined ? "" : new TextDecoder().decode(label.value).replace(/\0+$/, "");
  // "eth0:backup" belongs to eth0 by its name; without one the kernel takes the device's
  if (text.startsWith(`${from}:`) && !to.includes("%"))
    attributes.push({ type: IFA_LABEL, value: name(`${to}${text.slice(from.length)}`.slice(0, 15)) });
  attributes.push({ type: IFA_FLAGS, value: uint32(flags) });
  return netlinkMessage(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK, fixed, attributes);
}

/**
 * Moves them while both processes are there: `outside` has the rights over the host's devices, `inside` gives them back their
 * addresses and brings them up. The kernel gives devices that are no software back to the host when the namespace ends.
 *
 * @throws TsboxError naming a device that the host has not, or when the container has no network namespace
 */
export function addNetDevices(
  { config, outside, inside }: Compilation,
  { ours, theirs }: { readonly ours: Slot; readonly theirs: Slot },
): void {
  const devices = Object.entries(config.linux?.netDevices ?? {});
  if (devices.length === 0) return;
  if (!config.linux?.namespaces?.some(({ type }) => type === "network"))
    throw new TsboxError("invalid", "cannot run: linux.netDevices: linux.namespaces has no network namespace");
  const namespace = outside.slot();
  inside.add("send", [theirs, IN_NAMESPACE]);
  outside.add("recv", [ours, IN_NAMESPACE], { note: "make the network namespace" });
  outside.add("openat2", [namespace, null, `/proc/${SUBJECT_PID}/ns/net`, O_RDONLY, 0, 0], {
    expand: true,
    note: "open the container's network namespace",
  });
  inside.add("recv", [theirs, MOVED], { note: "wait for linux.netDevices" });
  for (const [device, { name: given }] of devices) {
    const to = given ?? device;
    const index = indexOf(device);
    const moved = index + INDEX_OFFSET;
    const attributes: Attribute[] = [
      { type: IFLA_NET_NS_FD, value: uint32(0) },
      { type: IFLA_NEW_IFINDEX, value: uint32(moved) },
      ...(to === device ? [] : [{ type: IFLA_IFNAME, value: name(to) }]),
    ];
    const move = netlinkMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, linkHeader(index), attributes);
    outside.add("netlink", [move, namespace, attributeOffset(LINK_SIZE, attributes, 0)], {
      note: `move the network device ${device} of linux.netDevices${to === device ? "" : ` as ${to}`}`,
    });
    for (const address of addressesOf(index)) {
      inside.add("netlink", [addressMessage(address, moved, device, to), null, 0], {
        note: `give the network device ${to} its address`,
      });
    }
    const up = netlinkMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, linkHeader(moved, IFF_UP), []);
    inside.add("netlink", [up, null, 0], { note: `bring up the network device ${to}` });
  }
  outside.add("send", [ours, MOVED]);
  outside.add("close", [namespace]);
}
