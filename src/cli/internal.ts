/** Commands by which tsbox calls itself: after a failure, for ports, for what native could not remove. */
import { TsboxError } from "../error.ts";
import { publishWithSlirp } from "../network/index.ts";
import { explainFailure } from "../plan/index.ts";

/** `__explain-failure OP ERRNO DETAIL`; see plan/explain-failure.ts. */
export async function explainFailureCommand(args: readonly string[]): Promise<number> {
  throw await explainFailure(args);
}

/** `__slirp-ports SOCKET GUEST PORTS`, the last as JSON. */
export async function slirpPortsCommand(args: readonly string[]): Promise<number> {
  const [socket, guest, ports] = args;
  if (socket === undefined || guest === undefined || ports === undefined)
    throw new TsboxError("internal", "cannot publish ports: arguments are missing");
  await publishWithSlirp(socket, JSON.parse(ports), guest);
  return 0;
}

/** `__remove-container STORE ID`, when native could not remove what goes with a run: of a container that stays, that is not the container. */
export async function removeContainerCommand(args: readonly string[]): Promise<number> {
  const [store = "", id = ""] = args;
  const { discardContainer } = await import("../container/remove.ts");
  const { recordIfPresent } = await import("../container/state.ts");
  if (recordIfPresent(store, id)?.remove !== false) await discardContainer(store, id);
  return 0;
}

/** `__start-failure OP ERRNO DETAIL STORE ID keep|discard` */
export async function startFailureCommand(args: readonly string[]): Promise<number> {
  return await (await import("../container/start-failure.ts")).startFailure(args);
}

/** `__after-exit STORE ID [owner|client]` */
export async function afterExitCommand(args: readonly string[]): Promise<number> {
  const [store = "", id = "", client] = args;
  (await import("../container/restart.ts")).afterExit(store, id, client);
  return 0;
}

/** `__restart STORE ID [owner|client [COLUMNSxROWS]]` */
export async function restartCommand(args: readonly string[]): Promise<number> {
  const [store = "", id = "", client, window] = args;
  try {
    await (await import("../container/restart.ts")).restart(store, id, client, window);
    return 0;
  } catch (error) {
    // nobody listens: `ps` and `inspect` tell it
    const { noteFailure } = await import("../container/start-failure.ts");
    noteFailure(`${store}/containers/${id}`, error);
    throw error;
  }
}
