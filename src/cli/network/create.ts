/** `tsbox network create` */
import { noteEvent } from "../../container/events.ts";
import { parsePair } from "../../container/flags/index.ts";
import { createNetwork, findNetwork } from "../../container/networks.ts";
import { TsboxError } from "../../error.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs } from "../args.ts";
import { HELP, readCommand, requireOperands } from "../command.ts";

const text = (description: string, valueHint: string, alias?: string) =>
  ({ type: "string", description, valueHint, alias }) as const;

export const CREATE: CommandDefinition = {
  name: "network create",
  description: "Create a network and print its id. Its containers find each other by name.",
  operands: "NAME",
  flags: {
    driver: text("There is one: bridge", "DRIVER", "d"),
    subnet: text("Its addresses; the first free of 10.89.0.0/24, 10.89.1.0/24, ... if not given", "SUBNET"),
    gateway: text("Its own address, where names are asked for; the subnet's first if not given", "ADDRESS"),
    "ip-range": text("The part of the subnet that addresses are given out of", "SUBNET"),
    internal: { type: "boolean", description: "Without a way to the outside" },
    "disable-dns": { type: "boolean", description: "Without names" },
    opt: { ...text("mtu=BYTES", "NAME=VALUE", "o"), repeated: true },
    label: { ...text("Label of the network", "NAME=VALUE"), repeated: true },
    ignore: { type: "boolean", description: "Do not mind a network that is there" },
    ...HELP,
  },
  examples: [
    ["tsbox network create web", "then: tsbox run -d --network web --name db postgres"],
    ["tsbox network create --subnet 10.7.0.0/24 --internal back", "addresses of your own, no way outside"],
  ],
};

function pairs(args: ParsedArgs, name: string): Record<string, string> {
  return Object.fromEntries(all(args, name).map((entry) => parsePair(entry, `--${name}`)));
}

export async function create(argv: readonly string[]): Promise<number> {
  const args = await readCommand(CREATE, argv);
  if (args === undefined) return 0;
  requireOperands(CREATE, args, "name");
  const [name = "", extra] = args.positionals;
  if (extra !== undefined) throw new TsboxError("usage", "cannot create a network: it has one name");
  const driver = last(args, "driver") ?? "bridge";
  if (driver !== "bridge")
    throw new TsboxError("unsupported", `cannot create a network with driver ${driver}: there is only bridge`);
  const store = openStore().root;
  const wish = {
    name,
    subnet: last(args, "subnet"),
    gateway: last(args, "gateway"),
    ipRange: last(args, "ip-range"),
    internal: isOn(args, "internal"),
    dnsEnabled: !isOn(args, "disable-dns"),
    labels: pairs(args, "label"),
    options: pairs(args, "opt"),
  };
  console.log(made(store, wish, isOn(args, "ignore")));
  return 0;
}

/** @returns the id */
function made(store: string, wish: Parameters<typeof createNetwork>[1], ignore: boolean): string {
  try {
    const { id, name } = createNetwork(store, wish);
    noteEvent(store, { type: "network", action: "create", id, name });
    return id;
  } catch (error) {
    if (!ignore || !(error instanceof TsboxError) || error.code !== "exists") throw error;
    return findNetwork(store, wish.name).id;
  }
}
