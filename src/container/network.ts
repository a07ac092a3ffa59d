/** The network of a container as the runtime wants it: files, namespace, helper processes. */

import { randomHex } from "../linux/random.ts";
import { makeFolder, writeText } from "../linux/write-text.ts";
import {
  type NetworkOptions,
  type NetworkSetup,
  type PublishedPort,
  parsePublish,
  setUpNetwork,
} from "../network/index.ts";
import type { ContainerDefaults } from "../oci/index.ts";
import { selfCommand } from "../plan/index.ts";
import { recordSockets, writePorts } from "./ports.ts";
import type { RunOptions } from "./spec/options.ts";

export type NetworkWish = Pick<
  RunOptions,
  "network" | "publish" | "publishAll" | "expose" | "dns" | "addHosts" | "mounts"
>;

export interface ContainerNetwork {
  readonly setup: NetworkSetup;
  /** Container path to host path of the files that say who and where it is. */
  readonly files: Readonly<Record<string, string>>;
  /** Files outside the container's folder that go with it: a socket's path is too short for a folder deep in a home. */
  readonly remove: readonly string[];
  /** tsbox command lines for when the helper is ready. */
  readonly commands: readonly (readonly string[])[];
}

/**
 * Decides, and writes the files into the container's folder.
 * @param setUp decides, in place of what does for networks that need no joining
 */
export async function prepareNetwork(
  options: NetworkWish,
  defaults: ContainerDefaults,
  folder: string,
  hostname: string,
  userNamespace: boolean,
  setUp: (options: NetworkOptions) => Promise<NetworkSetup> = setUpNetwork,
): Promise<ContainerNetwork> {
  // unix(7): the path of a socket has at most 107 bytes
  const sockets = `${process.env.XDG_RUNTIME_DIR || "/tmp"}/tsbox-${randomHex(8)}`;
  const setup = await setUp({
    ...(options.network === undefined ? {} : { mode: options.network }),
    publish: [...options.publish, ...(options.publishAll ? exposedPorts(options, defaults) : [])],
    dns: options.dns,
    addHosts: options.addHosts,
    hostname,
    runtimeFolder: sockets,
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
  if (options.publish.length > 0 || options.publishAll) writePorts(folder, ports);
  if (slirpPorts !== undefined) {
    recordSockets(folder, sockets);
    makeFolder(sockets, 0o700);
  }
  const commands =
    slirpPorts === undefined
      ? []
      : [[...selfCommand(), "__slirp-ports", slirpPorts.apiSocket, slirpPorts.guest, JSON.stringify(ports)]];
  return { setup, files, commands, remove: slirpPorts === undefined ? [] : [sockets] };
}

/** Those of `--expose` and of the image, each once, on ports that the host chooses; those that `-p` publishes are left out. */
function exposedPorts({ expose, publish }: NetworkWish, defaults: ContainerDefaults): PublishedPort[] {
  const texts = [...expose, ...Object.keys(defaults.ExposedPorts ?? {})];
  const single = texts.flatMap((text) => {
    const [, first = "", last = first, protocol = ""] = /^(\d+)(?:-(\d+))?((?:\/\w+)?)$/.exec(text) ?? [
      undefined,
      text,
    ];
    const count = Number(last) - Number(first) + 1;
    // what is no port is refused by what reads it
    if (!(count > 1 && count <= 65535)) return [`${first}${protocol}`];
    return Array.from({ length: count }, (_, i) => `${Number(first) + i}${protocol}`);
  });
  const has = ({ protocol, containerPort }: PublishedPort) =>
    publish.some(
      (port) =>
        port.protocol === protocol &&
        containerPort >= port.containerPort &&
        containerPort < port.containerPort + port.count,
    );
  return [...new Set(single.map((text) => text.replace(/\/tcp$/, "")))].map(parsePublish).filter((port) => !has(port));
}
