/** `tsbox pod create` */
import { parseBytes, parsePair } from "../../container/flags/index.ts";
import { createPod, DEFAULT_SHARE, podNamed, removePod, type SharedNamespace } from "../../container/pods/index.ts";
import { TsboxError } from "../../error.ts";
import { chooseMapping, parseUserns } from "../../idmap/index.ts";
import { writeAll, writeText } from "../../linux/write-text.ts";
import { parseAddHost, parseNetworks, parsePublish } from "../../network/index.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs } from "../args.ts";
import { readCommand } from "../command.ts";
import { checkHostname } from "../run-options.ts";

export const CREATE: CommandDefinition = {
  name: "pod create",
  description:
    "Create a pod and print its id. Its containers reach each other on localhost, and what it publishes is any container's.",
  operands: "[NAME]",
  flags: {
    name: { type: "string", alias: "n", description: "Name of the pod", valueHint: "NAME" },
    label: { type: "string", alias: "l", description: "Label of the pod", valueHint: "NAME=VALUE", repeated: true },
    publish: {
      type: "string",
      alias: "p",
      description: "Publish a port: [IP:]HOST:CONTAINER[/udp]",
      valueHint: "PORT",
      repeated: true,
    },
    network: {
      type: "string",
      description: "pasta, slirp4netns, host, none, or the name of a network",
      valueHint: "NETWORK",
      repeated: true,
    },
    "network-alias": {
      type: "string",
      description: "A further name in its network",
      valueHint: "NAME",
      repeated: true,
    },
    ip: { type: "string", description: "Its address in its network", valueHint: "ADDRESS" },
    "mac-address": { type: "string", description: "Its hardware address in its network", valueHint: "ADDRESS" },
    hostname: { type: "string", alias: "h", description: "Host name of its containers", valueHint: "NAME" },
    "add-host": {
      type: "string",
      description: "Add a line to /etc/hosts; host-gateway stands for the host",
      valueHint: "NAME:ADDRESS",
      repeated: true,
    },
    dns: { type: "string", description: "DNS server", valueHint: "ADDRESS", repeated: true },
    "dns-search": { type: "string", description: "DNS search domain", valueHint: "DOMAIN", repeated: true },
    "dns-option": { type: "string", description: "DNS option", valueHint: "OPTION", repeated: true },
    share: {
      type: "string",
      description: "Namespaces that its containers share, of ipc, net, uts, pid (ipc,net,uts); none: nothing",
      valueHint: "NAMESPACES",
    },
    infra: { type: "boolean", description: "Let it have namespaces of its own (on)" },
    "shm-size": { type: "string", description: "Size of /dev/shm, which goes with ipc (64m)", valueHint: "SIZE" },
    userns: { type: "string", description: "User namespace: auto, keep-id, subuid, single or host", valueHint: "MODE" },
    replace: { type: "boolean", description: "Remove the pod that has the name, first" },
    "pod-id-file": { type: "string", description: "Write the pod's id to a new file", valueHint: "FILE" },
    // -h is the host name, as with run
    help: { type: "boolean", description: "Show this help" },
  },
  examples: [
    ["tsbox pod create --name web -p 8080:80", "then: tsbox run -d --pod web nginx"],
    ["tsbox pod create --network backend --name db", "in a network with a name"],
  ],
};

const NAMESPACES: readonly SharedNamespace[] = ["net", "ipc", "uts", "pid"];

/** `+pid` adds to the default. */
function readShare(text: string): readonly SharedNamespace[] {
  if (text === "" || text === "none") return [];
  const adds = text.startsWith("+");
  const names = (adds ? text.slice(1) : text).split(",").map((name) => {
    const found = NAMESPACES.find((known) => known === name);
    if (found !== undefined) return found;
    const why = name === "cgroup" ? "containers of a pod have cgroups of their own" : "expected ipc, net, uts or pid";
    throw new TsboxError(name === "cgroup" ? "unsupported" : "usage", `cannot use --share ${text}: ${name}: ${why}`);
  });
  return [...new Set(adds ? [...DEFAULT_SHARE, ...names] : names)];
}

function shareOf(args: ParsedArgs): readonly SharedNamespace[] {
  const text = last(args, "share");
  if (last(args, "infra") !== "false") return text === undefined ? DEFAULT_SHARE : readShare(text);
  if (text !== undefined && readShare(text).length > 0)
    throw new TsboxError("usage", "cannot use --share with --infra=false: then the pod has no namespaces to share");
  return [];
}

function shmSizeOf(args: ParsedArgs): number | undefined {
  const text = last(args, "shm-size");
  if (text === undefined) return undefined;
  if (shareOf(args).includes("ipc")) return parseBytes(text, "--shm-size");
  throw new TsboxError("usage", "cannot use --shm-size: the containers of the pod do not share ipc (--share)");
}

export async function create(argv: readonly string[]): Promise<number> {
  const args = await readCommand(CREATE, argv);
  if (args === undefined) return 0;
  const [operand, extra] = args.positionals;
  const given = last(args, "name");
  if (extra !== undefined || (operand !== undefined && given !== undefined && operand !== given))
    throw new TsboxError("usage", "cannot create a pod: it has one name at most");
  const name = given ?? operand;
  const networks = all(args, "network");
  const hostname = last(args, "hostname");
  const store = openStore().root;
  const wish = {
    name,
    labels: Object.fromEntries(all(args, "label").map((text) => parsePair(text, "--label"))),
    share: shareOf(args),
    hostname: hostname === undefined ? undefined : checkHostname(hostname),
    network: parseNetworks(networks, {
      ip: last(args, "ip"),
      mac: last(args, "mac-address"),
      aliases: all(args, "network-alias"),
    }),
    networkName: networks.length === 0 ? undefined : networks.join(" "),
    ports: all(args, "publish").map(parsePublish),
    dns: { servers: all(args, "dns"), search: all(args, "dns-search"), options: all(args, "dns-option") },
    addHosts: all(args, "add-host").map(parseAddHost),
    shmSize: shmSizeOf(args),
    mapping: chooseMapping(parseUserns(last(args, "userns") ?? "auto")).mapping,
  };
  const replaced = isOn(args, "replace") && name !== undefined ? podNamed(store, name) : undefined;
  if (replaced !== undefined) await removePod(store, replaced, { force: true, timeout: 0 });
  const pod = createPod(store, wish);
  const file = last(args, "pod-id-file");
  if (file !== undefined) writeText(file, pod.id, { exclusive: true });
  writeAll(1, `${pod.id}\n`);
  return 0;
}
