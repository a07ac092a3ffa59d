/** pasta(1): copies the host's addresses into the namespace and forwards sockets. */
import { TsboxError } from "../error.ts";
import { type HelperProcess, PID } from "./helper.ts";
import type { BoundPort } from "./ports.ts";

/** Link-local, so that it hides nobody; pasta forwards DNS queries sent there to the host's resolver. The same as podman's. */
export const PASTA_DNS = "169.254.1.1";
/** Where containers reach the host, when asked for (`host-gateway`). The same as podman's. */
export const PASTA_HOST = "169.254.1.2";

/** Options of ours that would break supervision if a user set them too. */
const RESERVED = [
  "-f",
  "--foreground",
  "-P",
  "--pid",
  "--netns",
  "--userns",
  "--netns-only",
  "--runas",
  "-h",
  "--help",
];

export interface PastaOptions {
  readonly path: string;
  readonly ports: readonly BoundPort[];
  /** Options of the user's, from `--network=pasta:...`. */
  readonly extra: readonly string[];
  /** Whether the container must reach the host at {@link PASTA_HOST}; needs a pasta that has `--map-guest-addr`. */
  readonly hostGateway: boolean;
}

/**
 * pasta's process. Works with Debian 12's pasta (2023-03) and later.
 *
 * `--foreground` rather than its own daemon: that one outlives the namespace when it was named by pid (2023-03), and its
 * pid file then has the wrong pid. `--pid /dev/stdout` is the notice that it is ready: pasta writes its pid, and
 * thereby one line into the pipe, after it has configured the namespace and before it enters its loop.
 *
 * @throws TsboxError `usage` for an option that tsbox must decide itself
 */
export function pastaProcess({ path, ports, extra, hostGateway }: PastaOptions): HelperProcess {
  const reserved = extra.find((option) => RESERVED.includes(option.replace(/=.*/, "")));
  if (reserved !== undefined) {
    throw new TsboxError("usage", `cannot use pasta's option ${reserved}: tsbox sets it itself`);
  }
  const args = ["--foreground", "--config-net", "--quiet", ...extra.filter((option) => option !== "--map-gw")];
  for (const port of ports) args.push(port.protocol === "tcp" ? "-t" : "-u", portSpec(port));
  // left out, pasta would forward every port that is bound on either side
  for (const [short, long] of [
    ["-t", "--tcp-ports"],
    ["-u", "--udp-ports"],
    ["-T", "--tcp-ns"],
    ["-U", "--udp-ns"],
  ] as const) {
    if (!args.some((arg) => arg === short || arg === long || arg.startsWith(`${long}=`))) args.push(short, "none");
  }
  if (dnsForward(extra) === undefined) args.push("--dns-forward", PASTA_DNS);
  // the host's loopback services are not for containers; --map-gw is podman's word for wanting that
  if (!extra.includes("--map-gw") && !extra.includes("--no-map-gw")) args.push("--no-map-gw");
  if (hostGateway) args.push("--map-guest-addr", PASTA_HOST);
  return { kind: "pasta", argv: [path, ...args, "--pid", "/dev/stdout", PID], env: [], readyFD: 1 };
}

export interface NamedPlace {
  /** The container's address, to which published ports lead. */
  readonly address: string;
  readonly prefix: number;
  /** Where connections from the host's loopback seem to come from; the container's way there leads to pasta. */
  readonly router: string;
  /** Name of the device that pasta makes in the container. */
  readonly device: string;
}

/**
 * pasta for a container of named networks: it makes a device and leaves it without addresses and routes, which are the networks' matter
 * (`named/attach.ts`). IPv4 only, as the networks are. Names are asked for at the network's resolver.
 */
export function pastaForNamed(path: string, ports: readonly BoundPort[], place: NamedPlace): HelperProcess {
  const args = ["--foreground", "--quiet", "--ipv4-only", "--no-map-gw", "--ns-ifname", place.device];
  args.push("--address", place.address, "--netmask", `${place.prefix}`, "--gateway", place.router);
  for (const port of ports) args.push(port.protocol === "tcp" ? "-t" : "-u", portSpec(port));
  for (const protocol of ["tcp", "udp"] as const) {
    const flag = protocol === "tcp" ? "-t" : "-u";
    if (!ports.some((port) => port.protocol === protocol)) args.push(flag, "none");
    args.push(flag.toUpperCase(), "none");
  }
  return { kind: "pasta", argv: [path, ...args, "--pid", "/dev/stdout", PID], env: [], readyFD: 1 };
}

/** The user's own `--dns-forward`, which resolv.conf must then name. */
export function dnsForward(extra: readonly string[]): string | undefined {
  const at = extra.findIndex((option) => option === "--dns-forward" || option.startsWith("--dns-forward="));
  return at < 0 ? undefined : (extra[at]?.split("=")[1] ?? extra[at + 1]);
}

/** `[ADDRESS/]HOST[-LAST]:CONTAINER[-LAST]`; pasta wants IPv6 addresses without brackets. */
function portSpec({ hostIP, hostPort, containerPort, count }: BoundPort): string {
  const span = (first: number) => (count === 1 ? `${first}` : `${first}-${first + count - 1}`);
  return `${hostIP === undefined ? "" : `${hostIP}/`}${span(hostPort)}:${span(containerPort)}`;
}
