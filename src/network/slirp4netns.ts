/** slirp4netns(1): a TCP/IP stack in a process, behind a tap device in the namespace. */
import { TsboxError } from "../error.ts";
import { addressInNetwork } from "./address.ts";
import { type HelperProcess, PID } from "./helper.ts";

const DEFAULT_CIDR = "10.0.2.0/24";

export interface SlirpSettings {
  readonly mtu: number;
  readonly cidr: string;
  readonly allowHostLoopback: boolean;
  readonly enableIPv6: boolean;
  readonly outboundAddress?: string;
  readonly outboundAddress6?: string;
}

/**
 * Reads podman's options of `--network=slirp4netns:...`.
 *
 * @throws TsboxError `usage`
 */
export function parseSlirpOptions(options: readonly string[]): SlirpSettings {
  const settings: { -readonly [Key in keyof SlirpSettings]: SlirpSettings[Key] } = {
    mtu: 65520,
    cidr: DEFAULT_CIDR,
    allowHostLoopback: false,
    // off unless asked for: the address is usable only after duplicate address detection, a second or two later
    enableIPv6: false,
  };
  for (const option of options) {
    const [name, value = ""] = option.split("=", 2);
    const fail = (reason: string) => new TsboxError("usage", `cannot use slirp4netns option ${option}: ${reason}`);
    const flag = () => {
      if (value !== "true" && value !== "false") throw fail("expected true or false");
      return value === "true";
    };
    switch (name) {
      case "mtu":
        if (!/^\d{2,5}$/.test(value) || Number(value) < 68 || Number(value) > 65521) throw fail("expected 68 to 65521");
        settings.mtu = Number(value);
        break;
      case "cidr":
        // the helper's own address is the 100th (slirp4netns(1), --cidr)
        if (addressInNetwork(value, 100) === undefined) throw fail("expected an IPv4 network of 128 addresses or more");
        settings.cidr = value;
        break;
      case "allow_host_loopback":
        settings.allowHostLoopback = flag();
        break;
      case "enable_ipv6":
        settings.enableIPv6 = flag();
        break;
      case "outbound_addr":
        settings.outboundAddress = value;
        break;
      case "outbound_addr6":
        settings.outboundAddress6 = value;
        break;
      case "port_handler":
        // the other one of podman's, rootlesskit, is a program that is not needed here
        if (value !== "slirp4netns") throw fail("only slirp4netns is there");
        break;
      default:
        throw fail("there is no such option");
    }
  }
  return settings;
}

export interface SlirpAddresses {
  readonly container: string;
  /** Reaches the host's loopback, where that is allowed. */
  readonly host: string;
  readonly dns: string;
}

/** The fixed places in the network: slirp4netns(1), "Description". */
export function slirpAddresses({ cidr }: SlirpSettings): SlirpAddresses {
  const at = (offset: number) => addressInNetwork(cidr, offset) ?? "";
  return { container: at(100), host: at(2), dns: at(3) };
}

/** The process. `apiSocket` is a path of at most 107 bytes, needed for published ports (`slirp-ports.ts`). */
export function slirpProcess(path: string, settings: SlirpSettings, apiSocket: string | undefined): HelperProcess {
  const { mtu, cidr, allowHostLoopback, enableIPv6, outboundAddress, outboundAddress6 } = settings;
  const args = ["--configure", `--mtu=${mtu}`, "--enable-sandbox", "--enable-seccomp", "--ready-fd=3"];
  if (!allowHostLoopback) args.push("--disable-host-loopback");
  if (cidr !== DEFAULT_CIDR) args.push(`--cidr=${cidr}`);
  if (enableIPv6) args.push("--enable-ipv6");
  if (outboundAddress !== undefined) args.push(`--outbound-addr=${outboundAddress}`);
  if (outboundAddress6 !== undefined) args.push(`--outbound-addr6=${outboundAddress6}`);
  if (apiSocket !== undefined) args.push(`--api-socket=${apiSocket}`);
  return { kind: "slirp4netns", argv: [path, ...args, PID, "tap0"], env: [], readyFD: 3 };
}
