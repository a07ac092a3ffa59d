/** `tsbox kube play` and `tsbox kube down` */
import { type KubeFile, type Played, playKube, readKube } from "../../container/kube/index.ts";
import { podNamed, removePod, stopPod } from "../../container/pods/index.ts";
import { TsboxError } from "../../error.ts";
import { parseUserns } from "../../idmap/index.ts";
import { errnoText, SyscallError } from "../../linux/errno.ts";
import { readText } from "../../linux/read-text.ts";
import { writeAll } from "../../linux/write-text.ts";
import { parseNetworks, parsePublish } from "../../network/index.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs } from "../args.ts";
import { HELP, readCommand, requireOperands } from "../command.ts";
import { showLater } from "../run.ts";
import { readLog } from "../run-stays.ts";

export const PLAY: CommandDefinition = {
  name: "kube play",
  description:
    "Make the pods of a YAML file (Pod, Deployment, ConfigMap, Secret, PersistentVolumeClaim), and start them. What it has and tsbox has not is an error that names the field.",
  operands: "FILE|-",
  flags: {
    down: { type: "boolean", description: "Remove the pods of the file instead" },
    replace: { type: "boolean", description: "Remove pods that have the names, first" },
    start: { type: "boolean", description: "Start them (on)" },
    network: {
      type: "string",
      description: "pasta, slirp4netns, host, none, or the name of a network",
      valueHint: "NETWORK",
      repeated: true,
    },
    publish: {
      type: "string",
      alias: "p",
      description: "Publish a port, beside those of the YAML: [IP:]HOST:CONTAINER[/udp]",
      valueHint: "PORT",
      repeated: true,
    },
    configmap: { type: "string", description: "A file with further ConfigMaps", valueHint: "FILE", repeated: true },
    userns: { type: "string", description: "User namespace: auto, keep-id, subuid, single or host", valueHint: "MODE" },
    "log-driver": {
      type: "string",
      description: "Where the containers' output goes: json-file, journald or none",
      valueHint: "DRIVER",
    },
    "log-opt": {
      type: "string",
      description: "max-size=SIZE, max-file=NUMBER, tag=TEXT",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    "tls-verify": { type: "boolean", description: "Verify certificates of registries, and use no plain HTTP" },
    authfile: { type: "string", description: "File with credentials for registries", valueHint: "FILE" },
    "cert-dir": { type: "string", description: "Folder with certificates for registries", valueHint: "FOLDER" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing while pulling" },
    ...HELP,
  },
  examples: [
    ["tsbox kube play web.yaml", "as podman kube play"],
    ["tsbox kube play --replace web.yaml", "again, after a change"],
    ["tsbox kube play --down web.yaml", "and away"],
  ],
};

export const DOWN: CommandDefinition = {
  name: "kube down",
  description: "Remove the pods of a YAML file, with their containers; volumes stay.",
  operands: "FILE|-",
  flags: { ...HELP },
  examples: [["tsbox kube down web.yaml", "what kube play made of it"]],
};

async function readFile(path: string): Promise<{ text: string; from: string }> {
  if (path === "-") return { text: await Bun.stdin.text(), from: "standard input" };
  try {
    return { text: readText(path), from: path };
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause;
    throw new TsboxError("not-found", `cannot read ${path}: ${errnoText(cause.errno)}`, { cause });
  }
}

async function read(command: CommandDefinition, args: ParsedArgs): Promise<KubeFile> {
  requireOperands(command, args, "file");
  const [path = "", extra] = args.positionals;
  if (extra !== undefined) throw new TsboxError("usage", `cannot run tsbox ${command.name}: it takes one file`);
  const { text, from } = await readFile(path);
  return readKube(text, from, await Promise.all(all(args, "configmap").map(readFile)));
}

export async function play(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PLAY, argv);
  if (args === undefined) return 0;
  const file = await read(PLAY, args);
  if (isOn(args, "down")) return await takeDown(file);
  const networks = all(args, "network");
  const played = await playKube(openStore().root, file, {
    network: parseNetworks(networks, { ip: undefined, mac: undefined, aliases: [] }),
    networkName: networks.length === 0 ? undefined : networks.join(" "),
    publish: all(args, "publish").map(parsePublish),
    replace: isOn(args, "replace"),
    start: last(args, "start") !== "false",
    userns: parseUserns(last(args, "userns") ?? "auto"),
    log: args.flags.has("log-driver") || args.flags.has("log-opt") ? readLog(args) : undefined,
    registry: {
      tlsVerify: last(args, "tls-verify") === undefined ? undefined : isOn(args, "tls-verify"),
      authFile: last(args, "authfile"),
      certDir: last(args, "cert-dir"),
    },
    onEvent: isOn(args, "quiet") ? undefined : showLater(),
  });
  for (const { name } of file.claims) writeAll(1, `Volumes:\n${name}\n`);
  for (const one of played) print(one);
  return 0;
}

/** As podman prints it. */
function print({ pod, containers, init }: Played): void {
  const list = (heading: string, ids: readonly string[]) =>
    ids.length === 0 ? "" : `${heading}${ids.length > 1 ? "s" : ""}:\n${ids.join("\n")}\n`;
  writeAll(1, `Pod:\n${pod.id}\n${list("Init container", init)}${list("Container", containers)}`);
}

export async function down(argv: readonly string[]): Promise<number> {
  const args = await readCommand(DOWN, argv);
  return args === undefined ? 0 : await takeDown(await read(DOWN, args));
}

async function takeDown({ pods }: KubeFile): Promise<number> {
  const store = openStore().root;
  const found = pods.flatMap(({ name }) => podNamed(store, name) ?? []);
  for (const pod of found) await stopPod(store, pod, undefined);
  const ids = found.map(({ id }) => `${id}\n`).join("");
  writeAll(1, `Pods stopped:\n${ids}`);
  for (const pod of found) await removePod(store, pod, { force: true, timeout: 0 });
  writeAll(1, `Pods removed:\n${ids}`);
  return 0;
}
