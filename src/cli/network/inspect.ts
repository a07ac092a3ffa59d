/** `tsbox network inspect` and `exists` */
import { findNetwork, membersOf, type NetworkDefinition, nameOf } from "../../container/networks.ts";
import { TsboxError } from "../../error.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, last } from "../args.ts";
import { forEachOperand, HELP, readCommand, requireOperands } from "../command.ts";
import { mapOf } from "../format/values.ts";

export const INSPECT: CommandDefinition = {
  name: "network inspect",
  description: "Print what is known of networks, and who is in them, as JSON.",
  operands: "NETWORK...",
  flags: {
    format: {
      type: "string",
      alias: "f",
      description: "json, or text with {{.Name}}, {{range .Containers}}, ...",
      valueHint: "FORMAT",
    },
    ...HELP,
  },
  examples: [
    ["tsbox network inspect web", "its addresses, and its containers that run"],
    ["tsbox network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' web", "who is where"],
  ],
};

export const EXISTS: CommandDefinition = {
  name: "network exists",
  description: "End with status 0 if there is a network of that name, with 1 otherwise.",
  operands: "NETWORK",
  flags: { ...HELP },
  examples: [["tsbox network exists web || tsbox network create web", "make it where it is missing"]],
};

/** In Docker's words, so that templates for its `network inspect` serve. For `tsbox inspect`, too. @throws TsboxError `not-found` */
export async function inspectNetwork(store: string, operand: string): Promise<Readonly<Record<string, unknown>>> {
  return described(store, findNetwork(store, operand));
}

function described(store: string, network: NetworkDefinition): Readonly<Record<string, unknown>> {
  const { name, id, created, subnet, gateway, ipRange, internal, dnsEnabled, options, labels } = network;
  const [, prefix] = subnet.split("/");
  const containers = membersOf(store, network).map((member): readonly [string, object] => [
    member.id,
    { Name: nameOf(member), MacAddress: member.mac, IPv4Address: `${member.address}/${prefix}`, IPv6Address: "" },
  ]);
  return {
    Name: name,
    Id: id,
    Created: new Date(created).toISOString(),
    Scope: "local",
    Driver: "bridge",
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: "default",
      Options: {},
      Config: [{ Subnet: subnet, ...(ipRange === undefined ? {} : { IPRange: ipRange }), Gateway: gateway }],
    },
    Internal: internal,
    Attachable: false,
    Ingress: false,
    DNSEnabled: dnsEnabled,
    Containers: mapOf(containers),
    Options: mapOf(options),
    Labels: mapOf(labels),
  };
}

export async function inspect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(INSPECT, argv);
  if (args === undefined) return 0;
  requireOperands(INSPECT, args, "network");
  const store = openStore().root;
  const found: Readonly<Record<string, unknown>>[] = [];
  const status = await forEachOperand(args, async (name) => {
    found.push(described(store, findNetwork(store, name)));
  });
  const format = last(args, "format");
  if (format === undefined || format === "json") console.log(JSON.stringify(found, null, format === undefined ? 4 : 0));
  else if (found.length > 0) {
    const { renderListing } = await import("../format/listing.ts");
    console.log(renderListing(format, { columns: [], headings: {}, rows: found }));
  }
  return status;
}

export async function exists(argv: readonly string[]): Promise<number> {
  const args = await readCommand(EXISTS, argv);
  if (args === undefined) return 0;
  requireOperands(EXISTS, args, "network");
  const store = openStore().root;
  try {
    for (const name of args.positionals) findNetwork(store, name);
    return 0;
  } catch (error) {
    if (error instanceof TsboxError && error.code === "not-found") return 1;
    throw error;
  }
}
