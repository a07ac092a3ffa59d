/** The network of a container as the runtime wants it: files, namespace, helper processes. */

import { writeText } from "../linux/write-text.ts";
import { type NetworkSetup, setUpNetwork } from "../network/index.ts";
import { selfCommand } from "../plan/index.ts";
import type { RunOptions } from "./spec/options.ts";

export interface ContainerNetwork {
  readonly setup: NetworkSetup;
  /** Container path to host path of the files that say who and where it is. */
  readonly files: Readonly<Record<string, string>>;
  /** tsbox command lines for when the helper is ready. */
  readonly commands: readonly (readonly string[])[];
}

/** Decides, and writes the files into the container's folder. */
export async function prepareNetwork(
  options: RunOptions,
  folder: string,
  hostname: string,
  userNamespace: boolean,
): Promise<ContainerNetwork> {
  const setup = await setUpNetwork({
    ...(options.network === undefined ? {} : { mode: options.network }),
    publish: options.publish,
    dns: options.dns,
    addHosts: options.addHosts,
    hostname,
    runtimeFolder: folder,
    userNamespace,
  });
  const mounted = new Set(options.mounts.map(({ destination }) => destination));
  const files: Record<string, string> = {};
  const contents = {
    "resolv.conf": setup.files?.resolvConf,
    hosts: setup.files?.hosts,
    hostname: setup.files?.hostname,
  };
  for (const [name, text] of Object.entries(contents)) {
    // a person's own mount at that place counts
    if (text === undefined || mounted.has(`/etc/${name}`)) continue;
    writeText(`${folder}/${name}`, text);
    files[`/etc/${name}`] = `${folder}/${name}`;
  }
  const { slirpPorts, ports } = setup;
  const commands =
    slirpPorts === undefined
      ? []
      : [[...selfCommand(), "__slirp-ports", slirpPorts.apiSocket, slirpPorts.guest, JSON.stringify(ports)]];
  return { setup, files, commands };
}
