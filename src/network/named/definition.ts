/**
 * Named networks on disk: `networks/` of the store.
 *
 *     networks/<name>.json   the definition below; renamed into place
 *     networks/.lock         held while one is made or removed
 *     networks/<id>/lock     held while somebody joins, or removes it
 *     networks/<id>/hub      the socket of its hub (`native/hub.c`), while anybody is in it
 *     networks/<id>/mapping  the id mapping of the hub that runs
 */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { check } from "../../linux/errno.ts";
import { type FileLock, lockFile } from "../../linux/lock.ts";
import { randomHex } from "../../linux/random.ts";
import { exists, readText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolders, replaceFile } from "../../linux/write-text.ts";
import { isNetworkName } from "./endpoint.ts";
import { hostSubnets } from "./host-addresses.ts";
import {
  contains,
  firstFree,
  formatSubnet,
  overlaps,
  parseSubnet,
  readSubnet,
  type Subnet,
  sizeOf,
  toNumber,
  toText,
} from "./subnet.ts";

export interface NetworkDefinition {
  readonly name: string;
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** `10.89.0.0/24` */
  readonly subnet: string;
  /** The address of its hub, where names are asked for. */
  readonly gateway: string;
  /** Addresses are given out of this part of the subnet only. */
  readonly ipRange?: string | undefined;
  /** Without a way to the outside. */
  readonly internal: boolean;
  readonly dnsEnabled: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** `mtu` is the only one. */
  readonly options: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** The network that `--network=bridge` means; it is there without being made. */
export const DEFAULT_NETWORK: NetworkDefinition = {
  name: "bridge",
  id: "b71d9e".padEnd(64, "0"),
  subnet: "10.88.0.0/16",
  gateway: "10.88.0.1",
  internal: false,
  dnsEnabled: true,
  labels: {},
  options: {},
  created: 0,
};

export function networkFolder(store: string, { id }: NetworkDefinition): string {
  return `${store}/networks/${id}`;
}

const definitionPath = (store: string, name: string) => `${store}/networks/${name}.json`;

/** @returns all, by name, the default one too */
export function listNetworks(store: string): NetworkDefinition[] {
  const folder = `${store}/networks`;
  const names = exists(folder) ? listFolder(folder).map(({ name }) => name) : [];
  const made = names
    .filter((name) => name.endsWith(".json"))
    .map((name) => readNetwork(store, name.slice(0, -5)))
    // removed this moment
    .filter((network) => network !== undefined);
  return [DEFAULT_NETWORK, ...made].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function readNetwork(store: string, name: string): NetworkDefinition | undefined {
  if (name === DEFAULT_NETWORK.name) return DEFAULT_NETWORK;
  const path = definitionPath(store, name);
  if (!isNetworkName(name) || !exists(path)) return undefined;
  return JSON.parse(readText(path)) as NetworkDefinition; // cast: only tsbox writes it, and renames it into place
}

/**
 * By name, id, or beginning of an id.
 * @param toJoin what is not there might be made first, then
 * @throws TsboxError `not-found`, or `usage` when several begin so
 */
export function findNetwork(store: string, text: string, toJoin = false): NetworkDefinition {
  const named = readNetwork(store, text);
  if (named !== undefined) return named;
  const matches = /^[0-9a-f]+$/.test(text) ? listNetworks(store).filter(({ id }) => id.startsWith(text)) : [];
  if (matches.length > 1)
    throw new TsboxError("usage", `cannot find network ${text}: the ids of ${matches.length} networks begin so`);
  if (matches[0] === undefined) {
    throw new TsboxError(
      "not-found",
      `cannot find network ${text}: there is none of that name or id${toJoin ? `; make it with: tsbox network create ${text}` : ""}`,
    );
  }
  return matches[0];
}

export interface NewNetwork {
  readonly name: string;
  readonly subnet: string | undefined;
  readonly gateway: string | undefined;
  readonly ipRange: string | undefined;
  readonly internal: boolean;
  readonly dnsEnabled: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Defines a network. Of several at once with one name, one wins; no two get the same subnet.
 * @throws TsboxError `usage`, or `exists` when the name is taken, or the subnet by another network
 */
export function createNetwork(store: string, wish: NewNetwork): NetworkDefinition {
  const fail = (reason: string, code: "usage" | "exists" = "usage") =>
    new TsboxError(code, `cannot create network ${wish.name}: ${reason}`);
  if (!isNetworkName(wish.name))
    throw fail(
      'a name has letters, digits, "_", "." and "-", begins with a letter or digit, and is no kind of network such as host',
    );
  const mtu = Object.entries(wish.options).find(
    ([name, value]) => name !== "mtu" || !/^\d{3,5}$/.test(value) || Number(value) > 65535,
  );
  if (mtu !== undefined) throw fail(`option ${mtu[0]}=${mtu[1]} is not known; there is mtu=BYTES`);
  using _lock = lockNetworks(store);
  const others = listNetworks(store);
  if (others.some(({ name }) => name === wish.name)) throw fail("a network has that name", "exists");
  const taken = others.map(({ subnet }) => readSubnet(subnet));
  const subnet = wish.subnet === undefined ? freeSubnet(taken) : parseSubnet(wish.subnet);
  if (subnet === undefined) {
    throw fail(
      wish.subnet === undefined ? "no subnet is free" : `${wish.subnet} is not an IPv4 subnet such as 10.89.7.0/24`,
    );
  }
  if (sizeOf(subnet) < 4) throw fail(`${wish.subnet} has no room for a container`);
  const clash = others.find((other) => overlaps(readSubnet(other.subnet), subnet));
  if (clash !== undefined)
    throw fail(`its subnet overlaps with that of network ${clash.name}, ${clash.subnet}`, "exists");
  const gateway = wish.gateway ?? toText(firstFree(subnet, new Set()) ?? 0);
  if (!isHostOf(subnet, gateway)) throw fail(`the gateway ${gateway} is not an address of ${formatSubnet(subnet)}`);
  const range = wish.ipRange === undefined ? undefined : parseSubnet(wish.ipRange);
  if (
    wish.ipRange !== undefined &&
    (range === undefined || !contains(subnet, range.base) || range.prefix < subnet.prefix)
  )
    throw fail(`the range ${wish.ipRange} is not a part of ${formatSubnet(subnet)}`);
  const definition: NetworkDefinition = {
    name: wish.name,
    id: randomHex(32),
    subnet: formatSubnet(subnet),
    gateway,
    ipRange: wish.ipRange,
    internal: wish.internal,
    dnsEnabled: wish.dnsEnabled,
    labels: wish.labels,
    options: wish.options,
    created: Date.now(),
  };
  replaceFile(definitionPath(store, wish.name), JSON.stringify(definition), 0o600);
  return definition;
}

/** Whether an address can be somebody's in the subnet. */
export function isHostOf(subnet: Subnet, text: string): boolean {
  if (!/^\d+(\.\d+){3}$/.test(text)) return false;
  const address = toNumber(text);
  return contains(subnet, address) && address !== subnet.base && address !== subnet.base + sizeOf(subnet) - 1;
}

/** Taken after a network's own lock, by who takes both. */
export function lockNetworks(store: string): FileLock {
  makeFolders(`${store}/networks`, 0o700);
  return lockFile(`${store}/networks/.lock`, { mode: "exclusive" });
}

/**
 * The first /24 that neither a network nor the host has, of 10.89.0.0 and on, as podman has it, or of the ranges that the
 * configuration names, which arrive in `TSBOX_NETWORK_SUBNETS`.
 */
function freeSubnet(taken: readonly Subnet[]): Subnet | undefined {
  const all = [...taken, ...hostSubnets()];
  const named = process.env.TSBOX_NETWORK_SUBNETS;
  const ranges = named
    ? named.split(",").map(readSubnet)
    : [{ base: toNumber("10.89.0.0"), prefix: 24, count: 256 * 166 }];
  for (const range of ranges) {
    const prefix = Math.max(range.prefix, 24);
    const step = 2 ** (32 - prefix);
    const count = "count" in range ? range.count : sizeOf(range) / step;
    for (let i = 0; i < count; i++) {
      const subnet = { base: range.base + i * step, prefix };
      if (!all.some((other) => overlaps(other, subnet))) return subnet;
    }
  }
  return undefined;
}

/** Takes the lock under which containers join a network. */
export function lockNetwork(store: string, network: NetworkDefinition): FileLock {
  const folder = networkFolder(store, network);
  makeFolders(folder, 0o700);
  return lockFile(`${folder}/lock`, { mode: "exclusive" });
}

/** Removes the definition and the folder of a network whose lock the caller holds. */
export function removeDefinition(store: string, network: NetworkDefinition): void {
  const folder = networkFolder(store, network);
  const path = definitionPath(store, network.name);
  check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, cstring(path), 0), path);
  for (const name of ["hub", "mapping", "mapping.new", "lock"])
    syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${name}`), 0);
  syscall(SYS.unlinkat, AT_FDCWD, cstring(folder), AT_REMOVEDIR);
}
