/**
 * `ports.json` of a container: where its ports can be reached on the host, of its last start. What the host was to choose is known
 * only then.
 */
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../linux/abi.gen.ts";
import { E } from "../linux/errno.ts";
import { exists, readShortText } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { replaceFile } from "../linux/write-text.ts";
import type { BoundPort } from "../network/index.ts";
import { type ContainerRecord, containerFolder } from "./folder.ts";

/** A port of a container, as `docker port` tells it. */
export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
  readonly hostIP: string;
  readonly hostPort: number;
}

/** Replaces what there is of the last start. */
export function writePorts(folder: string, ports: readonly BoundPort[]): void {
  if (ports.length > 0) replaceFile(`${folder}/ports.json`, JSON.stringify(ports));
  else syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/ports.json`), 0);
}

/** Where the ports of a container are written down: in its pod's folder, if that has the network. */
export function portsFolder(store: string, { id, pod }: Pick<ContainerRecord, "id" | "pod">): string {
  const own = containerFolder(store, id);
  return pod === undefined || exists(`${own}/ports.json`) ? own : `${store}/pods/${pod}`;
}

/** @param folder {@link portsFolder} of a container that runs. @returns as they were bound; none when it publishes nothing */
export function readPorts(folder: string): readonly BoundPort[] {
  const text = readShortText(`${folder}/ports.json`);
  return text === undefined ? [] : (JSON.parse(text) as BoundPort[]); // cast: only tsbox writes it
}

/** One for each port and address, ranges taken apart, by the container's port. */
export function portBindings(folder: string): PortBinding[] {
  return readPorts(folder)
    .flatMap(({ protocol, hostIP, hostPort, containerPort, count }) =>
      Array.from({ length: count }, (_, i) => i).flatMap((i) =>
        (hostIP === undefined ? everywhere(protocol, hostPort + i) : [hostIP]).map((address) => ({
          containerPort: containerPort + i,
          protocol,
          hostIP: address,
          hostPort: hostPort + i,
        })),
      ),
    )
    .sort((a, b) => a.containerPort - b.containerPort || a.protocol.localeCompare(b.protocol));
}

/** Whether all IPv6 addresses are listened on depends on the helper, its options and the host: the kernel says what is so. proc(5) */
function everywhere(protocol: "tcp" | "udp", port: number): string[] {
  const local = `${"0".repeat(32)}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const sockets = readShortText(`/proc/net/${protocol}6`) ?? "";
  // TCP_LISTEN, and what an unconnected UDP socket has
  const listening = new RegExp(` ${local} [0-9A-F]{32}:0000 (0A|07) `).test(sockets);
  return listening ? ["0.0.0.0", "::"] : ["0.0.0.0"];
}

/** Where slirp4netns listens is outside the container's folder: it is written down there, for when a monitor is killed. */
export function recordSockets(folder: string, sockets: string): void {
  removeSockets(folder);
  replaceFile(`${folder}/sockets`, sockets);
}

/** Removes what the last start left of them. */
export function removeSockets(folder: string): void {
  const sockets = readShortText(`${folder}/sockets`);
  if (sockets === undefined || !/\/tsbox-[0-9a-f]{16}$/.test(sockets)) return;
  // who is about to end may be about to listen
  for (let attempt = 0; attempt < 20; attempt++) {
    syscall(SYS.unlinkat, AT_FDCWD, cstring(`${sockets}/slirp4netns.sock`), 0);
    if (syscall(SYS.unlinkat, AT_FDCWD, cstring(sockets), AT_REMOVEDIR) !== -E.ENOTEMPTY) return;
    Bun.sleepSync(5);
  }
}
