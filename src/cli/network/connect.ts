/** `tsbox network connect` and `disconnect` */
import { connectContainer, disconnectContainer } from "../../container/network-connect.ts";
import { TsboxError } from "../../error.ts";
import { withFlags } from "../../network/named/index.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, last, type ParsedArgs } from "../args.ts";
import { HELP, readCommand } from "../command.ts";

export const CONNECT: CommandDefinition = {
  name: "network connect",
  description: "Connect a container to a further network, at once when it runs.",
  operands: "NETWORK CONTAINER",
  flags: {
    ip: { type: "string", description: "Its address in the network", valueHint: "ADDRESS" },
    "mac-address": { type: "string", description: "Its hardware address in the network", valueHint: "ADDRESS" },
    alias: { type: "string", description: "A further name of it in the network", valueHint: "NAME", repeated: true },
    ...HELP,
  },
  examples: [["tsbox network connect --alias db back postgres", "as db in the network back"]],
};

export const DISCONNECT: CommandDefinition = {
  name: "network disconnect",
  description: "Take a container out of a network, at once when it runs.",
  operands: "NETWORK CONTAINER",
  flags: { force: { type: "boolean", alias: "f", description: "Accepted, and not needed" }, ...HELP },
  examples: [["tsbox network disconnect back postgres", "it keeps its other networks"]],
};

function operands({ name }: CommandDefinition, { positionals }: ParsedArgs): [network: string, container: string] {
  const [network, container, extra] = positionals;
  if (network !== undefined && container !== undefined && extra === undefined) return [network, container];
  throw new TsboxError("usage", `cannot run tsbox ${name}: expected NETWORK CONTAINER; see tsbox ${name} --help`);
}

export async function connect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(CONNECT, argv);
  if (args === undefined) return 0;
  const [network, container] = operands(CONNECT, args);
  const flags = { ip: last(args, "ip"), mac: last(args, "mac-address"), aliases: all(args, "alias") };
  await connectContainer(openStore().root, container, withFlags({ network, aliases: [] }, flags));
  return 0;
}

export async function disconnect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(DISCONNECT, argv);
  if (args === undefined) return 0;
  const [network, container] = operands(DISCONNECT, args);
  await disconnectContainer(openStore().root, container, network);
  return 0;
}
