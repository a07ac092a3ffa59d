/** Addresses as people write them. Written here because `node:net` costs 8 ms to load. */

const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

export function isIPv4(text: string): boolean {
  return IPV4.test(text);
}

/** Without a zone (`%eth0`). */
export function isIPv6(text: string): boolean {
  // the URL parser has the whole grammar of RFC 4291, section 2.2
  return /^[0-9a-fA-F:.]+$/.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);
}

export function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** Whether an address is the host's own loopback, which is another one in a network namespace of its own. */
export function isLoopback(address: string): boolean {
  return /^127\./.test(address) || (isIPv6(address) && new URL(`http://[${address}]/`).hostname === "[::1]");
}

/** The IPv4 address `offset` after the start of a network: (`10.0.2.0/24`, 3) is `10.0.2.3`. */
export function addressInNetwork(cidr: string, offset: number): string | undefined {
  const [address = "", bits = ""] = cidr.split("/");
  if (!isIPv4(address) || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  const size = 2 ** (32 - Number(bits));
  if (offset >= size) return undefined;
  const value = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const result = value - (value % size) + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(result / 2 ** shift) % 256).join(".");
}
