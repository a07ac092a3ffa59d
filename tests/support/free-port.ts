import { existsSync, readFileSync } from "node:fs";

/** Below what the kernel gives to outgoing connections (ip_local_port_range, ip(7)), so that none of them takes it meanwhile. */
const [FIRST, LAST] = [10_000, 32_000];
const given = new Set<number>();

/** A port that no socket of this machine has, TCP or UDP, and that was not given out before. */
export function freePort(): number {
  return freePorts(1);
}

/** The first of so many, one after the other. */
export function freePorts(count: number): number {
  const taken = new Set(["tcp", "tcp6", "udp", "udp6"].flatMap(localPorts));
  for (;;) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const ports = Array.from({ length: count }, (_, i) => first + i);
    if (ports.some((port) => given.has(port) || taken.has(port))) continue;
    for (const port of ports) given.add(port);
    return first;
  }
}

/** proc(5), /proc/net/tcp: the second column is the local address and port, in hexadecimal digits. */
function localPorts(protocol: string): number[] {
  const table = `/proc/net/${protocol}`;
  if (!existsSync(table)) return []; // a kernel without IPv6
  const lines = readFileSync(table, "utf8").trim().split("\n").slice(1);
  return lines.map((line) => Number.parseInt(/^ *\d+: [0-9A-F]+:([0-9A-F]+) /.exec(line)?.[1] ?? "0", 16));
}
