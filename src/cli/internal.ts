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

/** `__remove-container STORE ID` */
export async function removeContainerCommand(args: readonly string[]): Promise<number> {
  const [store = "", id = ""] = args;
  const { removeContainerFolder } = await import("../container/index.ts");
  await removeContainerFolder(store, id);
  return 0;
}
