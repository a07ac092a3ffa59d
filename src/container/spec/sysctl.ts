/** Which kernel parameters a container may set: those of its own namespaces (sysctl(8), namespaces(7)). */
import { TsboxError } from "../../error.ts";

const IPC = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\.[a-z_]+)$/;

/** No empty part and no `..`: `net/../kernel/core_pattern` would be a path out of what its first part says. */
const NAME = /^[a-zA-Z0-9_-]+([./][a-zA-Z0-9_-]+)+$/;

/** @param own whether the container has a namespace of its own of that type @throws TsboxError `usage` */
export function checkSysctl(names: readonly string[], own: { readonly network: boolean; readonly ipc: boolean }): void {
  for (const name of names) {
    const fail = (reason: string) => new TsboxError("usage", `cannot set --sysctl ${name}: ${reason}`);
    if (!NAME.test(name)) throw fail("it is not a name such as net.ipv4.ip_forward");
    const dotted = name.replaceAll("/", ".");
    const [isNetwork, isIPC] = [dotted.startsWith("net."), IPC.test(dotted)];
    if (!isNetwork && !isIPC) throw fail("it is not of a namespace, so it would change the host");
    if (!(isNetwork ? own.network : own.ipc)) throw fail("the container shares the host's namespace for it");
  }
}
