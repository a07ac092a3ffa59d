/** The container's `/etc/hosts`: hosts(5). */
import { TsboxError } from "../error.ts";
import { readHostFile } from "../idmap/index.ts";
import { isAddress } from "./address.ts";

const HOST_GATEWAY = "host-gateway";
/** Names as on the label of RFC 1123, with the underscore that people use. They end up as lines of a file. */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/;

export interface ExtraHost {
  readonly name: string;
  /** An address, or `host-gateway`: whatever reaches the host from the container. */
  readonly address: string;
}

/**
 * Reads `NAME:ADDRESS` or `NAME=ADDRESS`, as `--add-host` has it. IPv6 addresses may stand in brackets.
 *
 * @throws TsboxError `usage`
 */
export function parseAddHost(text: string): ExtraHost {
  const at = text.search(/[:=]/);
  const name = text.slice(0, Math.max(at, 0));
  const address = text.slice(at + 1).replace(/^\[(.*)\]$/, "$1");
  const fail = (reason: string) => new TsboxError("usage", `cannot use --add-host ${text}: ${reason}`);
  if (at < 0 || !NAME.test(name)) throw fail("expected NAME:ADDRESS");
  if (address !== HOST_GATEWAY && !isAddress(address))
    throw fail(`'${address}' is neither an IP address nor host-gateway`);
  return { name, address };
}

export function wantsHostGateway(hosts: readonly ExtraHost[]): boolean {
  return hosts.some(({ address }) => address === HOST_GATEWAY);
}

export interface HostsOptions {
  readonly hostname: string;
  /** On the host's network, the host's own file comes first. */
  readonly hostNetwork: boolean;
  /** The container's address, when it is known before the container starts. */
  readonly address: string | undefined;
  readonly extra: readonly ExtraHost[];
  /** What `host-gateway` stands for. */
  readonly gateway: string | undefined;
}

const LOOPBACK = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::	ip6-localnet
ff00::	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`;

/**
 * The file's content: what the user added first, because the first match counts.
 *
 * @param root put before the host's paths; a folder in tests
 * @throws TsboxError `unsupported` for `host-gateway` where nothing reaches the host
 */
export function hostsFile({ hostname, hostNetwork, address, extra, gateway }: HostsOptions, root = ""): string {
  const added = extra.map((host) => {
    const target = host.address === HOST_GATEWAY ? gateway : host.address;
    if (target === undefined) {
      throw new TsboxError("unsupported", `cannot add host ${host.name}: this network has no way to the host`);
    }
    return `${target}\t${host.name}\n`;
  });
  const base = hostNetwork ? readHostFile("/etc/hosts", root)?.replace(/([^\n])$/, "$1\n") : undefined;
  const names = base?.split(/\s+/) ?? [];
  // pasta's container has the host's address, known only later; Debian's 127.0.1.1 serves for one's own name
  const own = names.includes(hostname) ? "" : `${address ?? "127.0.1.1"}\t${hostname}\n`;
  return added.join("") + (base ?? LOOPBACK) + own;
}
