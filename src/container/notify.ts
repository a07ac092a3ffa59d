/** `--sdnotify`: what systemd is told of a container that one of its services starts. sd_notify(3); podman-run(1). */
import { TsboxError } from "../error.ts";
import type { ServedOptions } from "../runtime/index.ts";
import type { SdNotify } from "./spec/options.ts";

/** Where the container finds systemd's socket with `--sdnotify=container`. */
const INSIDE = "/run/notify/notify.sock";

export interface Notifying {
  readonly notify: ServedOptions["notify"];
  /** Bind mounts: place in the container to file of the host. */
  readonly files: Readonly<Record<string, string>>;
  /** Variables of the program, which are in no file. */
  readonly env: readonly string[];
}

/**
 * @param socket `NOTIFY_SOCKET`; a name that begins with "@" is in the abstract namespace
 * @param own whether the container has the host's network namespace, and with it its abstract names
 * @throws TsboxError
 */
export function chooseNotify(
  mode: SdNotify | undefined,
  socket: string,
  container: { readonly hostNetwork: boolean; readonly checked: boolean },
): Notifying | undefined {
  if (mode === "ignore" || !/^[/@]./.test(socket)) return undefined;
  const nothing = { files: {}, env: [] };
  if (mode === "healthy") {
    if (container.checked) return { notify: { socket, ready: "healthy" }, ...nothing };
    throw new TsboxError(
      "usage",
      "cannot use --sdnotify=healthy: nothing finds out whether the container is healthy; use --health-cmd",
    );
  }
  if (mode !== "container") return { notify: { socket, ready: "started" }, ...nothing };
  const notify = { socket, ready: "never" } as const;
  if (socket.startsWith("/")) return { notify, files: { [INSIDE]: socket }, env: [`NOTIFY_SOCKET=${INSIDE}`] };
  if (container.hostNetwork) return { notify, files: {}, env: [`NOTIFY_SOCKET=${socket}`] };
  throw new TsboxError(
    "unsupported",
    `cannot use --sdnotify=container: systemd's socket ${socket} is abstract and cannot be seen from another network namespace; use --network=host`,
  );
}
