/** IPv4 networks as numbers. Addresses are unsigned 32-bit numbers, most significant byte first. */
import { TsboxError } from "../../error.ts";
import { isIPv4 } from "../address.ts";

export interface Subnet {
  /** Its first address. */
  readonly base: number;
  /** Bits that all its addresses share. */
  readonly prefix: number;
}

/** @param text an IPv4 address, checked */
export function toNumber(text: string): number {
  return text.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

export function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

export function sizeOf({ prefix }: Subnet): number {
  return 2 ** (32 - prefix);
}

export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + sizeOf(subnet);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return contains(a, b.base) || contains(b, a.base);
}

/** Reads `10.89.0.0/24`. @returns undefined for anything else, such as an address that is not the network's first */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isIPv4(address) || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  const subnet = { base: toNumber(address), prefix: Number(bits) };
  return subnet.base % sizeOf(subnet) === 0 ? subnet : undefined;
}

/** Like {@link parseSubnet}, of what tsbox wrote itself. @throws TsboxError `invalid` */
export function readSubnet(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === undefined)
    throw new TsboxError("invalid", `cannot read the network's subnet: ${JSON.stringify(text)}`);
  return subnet;
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${toText(base)}/${prefix}`;
}

/** The first address that nobody has. Neither the network's own nor its broadcast address is one: RFC 919. */
export function firstFree(subnet: Subnet, taken: ReadonlySet<number>): number | undefined {
  const end = subnet.base + sizeOf(subnet) - 1;
  for (let address = subnet.base + 1; address < end; address++) if (!taken.has(address)) return address;
  return undefined;
}
