/** Published ports: the values of `-p`. */
import { TsboxError } from "../error.ts";
import { readSysctl } from "../idmap/index.ts";
import { isAddress } from "./address.ts";

export interface PublishedPort {
  readonly protocol: "tcp" | "udp";
  /** An address of the host without brackets; all of them when absent. */
  readonly hostIP?: string;
  /** Undefined: the host chooses one. */
  readonly hostPort: number | undefined;
  /** The host chooses one of so many from `hostPort` on. */
  readonly hostPorts?: number;
  readonly containerPort: number;
  /** That many ports in a row, on both sides. */
  readonly count: number;
}

/** Like {@link PublishedPort}, with the host's port known. */
export interface BoundPort extends PublishedPort {
  readonly hostPort: number;
}

const FORM = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(?:([\d-]*):)?([\d-]+)(?:\/(\w+))?$/;
const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;

/**
 * Reads `[[IP:]HOSTPORT:]CONTAINERPORT[/tcp|/udp]`; ports may be ranges of equal length, an IPv6 address stands in
 * brackets, and an absent or empty host port lets the host choose, as does a range of them for one port of the container.
 *
 * @throws TsboxError `usage`
 */
export function parsePublish(text: string): PublishedPort {
  const fail = (reason: string) =>
    new TsboxError("usage", `cannot publish ${text}: ${reason}`, { context: { publish: text } });
  const parts = FORM.exec(text);
  if (parts === null) throw fail("expected [[IP:]HOSTPORT:]CONTAINERPORT[/tcp|/udp]");
  // `8080:80` matches with 8080 in the address's place
  let [, address, hostPorts, containerPorts = "", protocol = "tcp"] = parts;
  if (address !== undefined && hostPorts === undefined) [address, hostPorts] = [undefined, address];
  if (protocol !== "tcp" && protocol !== "udp") throw fail(`protocol '${protocol}' is neither tcp nor udp`);
  const container = range(containerPorts);
  if (container === undefined) throw fail(`'${containerPorts}' is not a port from 1 to 65535`);
  const host = hostPorts === undefined || hostPorts === "" ? undefined : range(hostPorts);
  if (hostPorts && host === undefined) throw fail(`'${hostPorts}' is not a port from 1 to 65535`);
  const choice = container.count === 1 && host !== undefined && host.count > 1;
  if (host !== undefined && host.count !== container.count && !choice) throw fail("the two ranges differ in length");
  const hostIP = address?.replace(/^\[(.*)\]$/, "$1");
  if (hostIP !== undefined && !isAddress(hostIP)) throw fail(`'${hostIP}' is not an IP address`);
  return {
    protocol,
    ...(hostIP === undefined ? {} : { hostIP }),
    hostPort: host?.first,
    ...(choice ? { hostPorts: host.count } : {}),
    containerPort: container.first,
    count: container.count,
  };
}

/** `PORT[-PORT][/tcp|/udp]` of `--expose`, as it was given. @throws TsboxError `usage` */
export function checkExposed(text: string): string {
  const [, ports = "", protocol = "tcp"] = /^([\d-]+)(?:\/(\w+))?$/.exec(text) ?? [];
  if (range(ports) !== undefined && (protocol === "tcp" || protocol === "udp")) return text;
  throw new TsboxError(
    "usage",
    `cannot use --expose ${text}: expected PORT[-PORT][/tcp|/udp], with ports from 1 to 65535`,
  );
}

function range(text: string): { first: number; count: number } | undefined {
  const [, from, to = from] = RANGE.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return first >= 1 && last <= 65535 && first <= last ? { first, count: last - first + 1 } : undefined;
}

/**
 * Refuses host ports that only root may bind, before anything has been started.
 *
 * @param root put before `/proc`; a folder in tests
 * @throws TsboxError `denied`
 */
export function checkPrivilegedPorts(ports: readonly PublishedPort[], uid: number, root = ""): void {
  if (uid === 0 || ports.length === 0) return;
  const start = readSysctl("net.ipv4.ip_unprivileged_port_start", root) ?? 1024;
  const low = ports.find(({ hostPort }) => hostPort !== undefined && hostPort < start);
  if (low?.hostPort === undefined) return;
  throw new TsboxError(
    "denied",
    `cannot publish port ${low.hostPort}: ports below ${start} are reserved to root on this host; use a higher one (-p ${low.hostPort + 8000}:${low.containerPort}), or an administrator runs: sysctl net.ipv4.ip_unprivileged_port_start=${low.hostPort}`,
    { context: { port: low.hostPort } },
  );
}

/**
 * Gives every port that the host was to choose a free one, and refuses those that are taken: not every helper says so (pasta shares a
 * UDP port with whoever allows it). Somebody else may still take one first.
 *
 * @throws TsboxError `host`
 */
export async function bindPorts(ports: readonly PublishedPort[]): Promise<BoundPort[]> {
  const bound: BoundPort[] = [];
  for (const { hostPorts, ...port } of ports) {
    const { hostPort, containerPort, count } = port;
    const taken = bound.filter(({ protocol }) => protocol === port.protocol).map((other) => other.hostPort);
    if (hostPort === undefined) {
      // each one that is free
      for (let i = 0; i < count; i++)
        bound.push({ ...port, hostPort: await bindOnce(port, 0), containerPort: containerPort + i, count: 1 });
    } else if (hostPorts !== undefined)
      bound.push({ ...port, hostPort: await firstFree(port, hostPort, hostPorts, taken) });
    else {
      for (let i = 0; i < count; i++) await checkFree(port, hostPort + i);
      bound.push({ ...port, hostPort });
    }
  }
  return bound;
}

/** @param taken by other ports of the same container, which nobody has bound yet */
async function firstFree(port: PublishedPort, first: number, count: number, taken: readonly number[]): Promise<number> {
  for (let hostPort = first; hostPort < first + count; hostPort++) {
    if (taken.includes(hostPort)) continue;
    try {
      return await bindOnce(port, hostPort);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    }
  }
  throw new TsboxError(
    "host",
    `cannot publish ${first}-${first + count - 1}:${port.containerPort}/${port.protocol}: all of these ports of the host are in use`,
  );
}

/** Milliseconds: a helper of a container whose monitor was killed has it a moment longer. */
const PATIENCE = 200;

async function checkFree(port: PublishedPort, hostPort: number): Promise<void> {
  const { hostIP = "0.0.0.0", protocol } = port;
  for (const deadline = Date.now() + PATIENCE; ; await Bun.sleep(10)) {
    try {
      await bindOnce(port, hostPort);
      return;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EADDRINUSE" && Date.now() < deadline) continue;
      const reason =
        code === "EADDRINUSE"
          ? "the port is in use"
          : code === "EADDRNOTAVAIL"
            ? "the host has no such address"
            : undefined;
      // whatever else it is, the helper may know better
      if (reason === undefined) return;
      const where = `${hostIP.includes(":") ? `[${hostIP}]` : hostIP}:${hostPort}/${protocol}`;
      throw new TsboxError("host", `cannot publish ${where}: ${reason}`, { context: { port: hostPort } });
    }
  }
}

/** Binds it and lets go of it. @returns its number, also when 0 asked for any. @throws Error of Bun, with the errno as `code` */
async function bindOnce({ protocol, hostIP = "0.0.0.0" }: PublishedPort, hostPort: number): Promise<number> {
  if (protocol === "tcp") {
    const listener = Bun.listen({ hostname: hostIP, port: hostPort, socket: { data() {} } });
    const { port } = listener;
    listener.stop(true);
    return port;
  }
  const socket = await Bun.udpSocket({ hostname: hostIP, port: hostPort });
  const { port } = socket;
  socket.close();
  return port;
}
