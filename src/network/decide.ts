/** Which kind of network a container gets. */
import { TsboxError } from "../error.ts";
import type { NetworkMode } from "./network-option.ts";
import type { NetworkTools } from "./tools.ts";

export const INSTALL_PASTA = "an administrator runs: apt-get install passt, dnf install passt or apk add passt";
const INSTALL_SLIRP = "an administrator runs: apt-get install slirp4netns or dnf install slirp4netns";
export const NO_TUN =
  "there is no /dev/net/tun (an administrator runs: modprobe tun; in a container: --device /dev/net/tun)";
// pasta gives up root's capabilities first thing and can then not enter a namespace of root's
const PASTA_AS_ROOT =
  "pasta cannot enter a network namespace that root made without a user namespace; use --network=slirp4netns, or run tsbox as an ordinary user";

export interface Decision {
  readonly mode: NetworkMode;
  /** The program, for pasta and slirp4netns. */
  readonly path?: string;
  readonly warning?: string;
}

/**
 * What was asked for, or by default the first of pasta, slirp4netns and the host's network that this host can have.
 *
 * @param userNamespace whether the container gets one
 * @throws TsboxError `host` when an explicit wish cannot be had
 */
export function decide(asked: NetworkMode | undefined, tools: NetworkTools, userNamespace: boolean): Decision {
  if (asked === undefined) return byDefault(tools, userNamespace);
  if (asked.mode !== "pasta" && asked.mode !== "slirp4netns") return { mode: asked };
  const path = tools[asked.mode];
  const fail = (reason: string) => new TsboxError("host", `cannot use --network=${asked.mode}: ${reason}`);
  if (path === undefined) {
    throw fail(`${asked.mode} is not installed (${asked.mode === "pasta" ? INSTALL_PASTA : INSTALL_SLIRP})`);
  }
  if (!tools.tun) throw fail(NO_TUN);
  if (asked.mode === "pasta" && !userNamespace) throw fail(PASTA_AS_ROOT);
  return { mode: asked, path };
}

function byDefault(tools: NetworkTools, userNamespace: boolean): Decision {
  if (tools.tun) {
    const pasta = userNamespace ? tools.pasta : undefined;
    if (pasta !== undefined) return { mode: { mode: "pasta", options: [] }, path: pasta };
    const slirp = tools.slirp4netns;
    if (slirp !== undefined) return { mode: { mode: "slirp4netns", options: [] }, path: slirp };
  }
  const reason = tools.tun
    ? `neither pasta nor slirp4netns is installed (${userNamespace ? INSTALL_PASTA : INSTALL_SLIRP})`
    : NO_TUN;
  return { mode: { mode: "host" }, warning: `the container shares the host's network: ${reason}` };
}
