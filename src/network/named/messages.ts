/** Requests to the kernel by which networks are built: rtnetlink(7), veth(4). */
import { type Attribute, attributeOffset, NLM_F_ACK, NLM_F_REQUEST, netlinkMessage } from "../../linux/netlink.ts";

// <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>, <linux/veth.h>
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const NLM_F_CREATE = 0x400;
const NLM_F_EXCL = 0x200;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const AF_INET = 2;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
const IFF_UP = 1;
const LINK_SIZE = 16;
const ROUTE_SIZE = 12;
const CREATE = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
const CHANGE = NLM_F_REQUEST | NLM_F_ACK;

/** A request in which a number is known only when it is sent: a descriptor's or a device's. */
export interface OpenMessage {
  readonly bytes: Uint8Array;
  /** Where the number goes. */
  readonly offset: number;
}

const encoder = new TextEncoder();
const text = (value: string) => encoder.encode(`${value}\0`);
const uint32 = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
/** In network byte order. */
const ipv4 = (address: number) => new Uint8Array([24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256));
const hardware = (address: string) => new Uint8Array(address.split(":").map((byte) => Number.parseInt(byte, 16)));

/** `struct ifinfomsg` */
function link(index: number, up: boolean): Uint8Array {
  const bytes = new Uint8Array(LINK_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, up ? IFF_UP : 0, true);
  view.setUint32(12, up ? IFF_UP : 0, true);
  return bytes;
}

/** Attributes within an attribute. */
function nested(attributes: readonly Attribute[], before: Uint8Array = new Uint8Array()): Uint8Array {
  return netlinkMessage(0, 0, before, attributes).slice(16);
}

export function newBridge(index: number, name: string, mac: string, mtu: number | undefined): Uint8Array {
  const info = nested([{ type: IFLA_INFO_KIND, value: text("bridge") }]);
  return netlinkMessage(RTM_NEWLINK, CREATE, link(index, true), [
    { type: IFLA_IFNAME, value: text(name) },
    // without one it would be the lowest of its ports, and change with them
    { type: IFLA_ADDRESS, value: hardware(mac) },
    ...(mtu === undefined ? [] : [{ type: IFLA_MTU, value: uint32(mtu) }]),
    { type: IFLA_LINKINFO, value: info },
  ]);
}

export interface VethOptions {
  /** Number and name of the end in this namespace. */
  readonly index: number;
  readonly name: string;
  readonly mac: string;
  readonly mtu: number | undefined;
  /** Name of the other end. */
  readonly peer: string;
}

/** A pair of devices: one here, the other in the namespace whose descriptor is put in. */
export function newVeth({ index, name, mac, mtu, peer }: VethOptions): OpenMessage {
  const size = mtu === undefined ? [] : [{ type: IFLA_MTU, value: uint32(mtu) }];
  const peerAttributes: Attribute[] = [
    { type: IFLA_NET_NS_FD, value: uint32(0) },
    { type: IFLA_IFNAME, value: text(peer) },
    ...size,
  ];
  const dataAttributes = [{ type: VETH_INFO_PEER, value: nested(peerAttributes, link(0, false)) }];
  const infoAttributes = [
    { type: IFLA_INFO_KIND, value: text("veth") },
    { type: IFLA_INFO_DATA, value: nested(dataAttributes) },
  ];
  const attributes: Attribute[] = [
    { type: IFLA_IFNAME, value: text(name) },
    { type: IFLA_ADDRESS, value: hardware(mac) },
    ...size,
    { type: IFLA_LINKINFO, value: nested(infoAttributes) },
  ];
  const bytes = netlinkMessage(RTM_NEWLINK, CREATE, link(index, false), attributes);
  // each offset is counted from the start of a message, whose header nested ones do not have
  const within = (fixed: number, list: readonly Attribute[], at: number) => attributeOffset(fixed, list, at) - 16;
  const offset =
    attributeOffset(LINK_SIZE, attributes, attributes.length - 1) +
    within(0, infoAttributes, 1) +
    within(0, dataAttributes, 0) +
    within(LINK_SIZE, peerAttributes, 0);
  return { bytes, offset };
}

/** Makes a device, which is named, a port of a bridge, and brings it up. */
export function joinBridge(name: string, bridge: number): Uint8Array {
  return netlinkMessage(RTM_NEWLINK, CHANGE, link(0, true), [
    { type: IFLA_IFNAME, value: text(name) },
    { type: IFLA_MASTER, value: uint32(bridge) },
  ]);
}

/** Removes a device, which is named, and its other end. */
export function removeLink(name: string): Uint8Array {
  return netlinkMessage(RTM_DELLINK, CHANGE, link(0, false), [{ type: IFLA_IFNAME, value: text(name) }]);
}

export function newAddress(index: number, address: number, prefix: number): Uint8Array {
  const fixed = new Uint8Array([AF_INET, prefix, 0, RT_SCOPE_UNIVERSE, 0, 0, 0, 0]);
  new DataView(fixed.buffer).setUint32(4, index, true);
  const size = 2 ** (32 - prefix);
  return netlinkMessage(RTM_NEWADDR, CREATE, fixed, [
    { type: IFA_LOCAL, value: ipv4(address) },
    { type: IFA_ADDRESS, value: ipv4(address) },
    { type: IFA_BROADCAST, value: ipv4(address - (address % size) + size - 1) },
  ]);
}

export function linkUp(index: number): Uint8Array {
  return netlinkMessage(RTM_NEWLINK, CHANGE, link(index, true), []);
}

/** Brings up the device whose number is put in. */
export function openLinkUp(mtu: number): OpenMessage {
  return {
    bytes: netlinkMessage(RTM_NEWLINK, CHANGE, link(0, true), [{ type: IFLA_MTU, value: uint32(mtu) }]),
    offset: 16 + 4,
  };
}

function route(scope: number, prefix: number, attributes: readonly Attribute[]): OpenMessage {
  const fixed = new Uint8Array(ROUTE_SIZE);
  fixed.set([AF_INET, prefix, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST]);
  const all = [{ type: RTA_OIF, value: uint32(0) }, ...attributes];
  return { bytes: netlinkMessage(RTM_NEWROUTE, CREATE, fixed, all), offset: attributeOffset(ROUTE_SIZE, all, 0) };
}

/** An address that is at the device whose number is put in. */
export function openHostRoute(address: number): OpenMessage {
  return route(RT_SCOPE_LINK, 32, [{ type: 1 /* RTA_DST */, value: ipv4(address) }]);
}

/** Everything else goes to that address, by the device whose number is put in. */
export function openDefaultRoute(gateway: number): OpenMessage {
  return route(RT_SCOPE_UNIVERSE, 0, [{ type: RTA_GATEWAY, value: ipv4(gateway) }]);
}
