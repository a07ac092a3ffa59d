/** `tsbox volume create` */
import { parsePair } from "../../container/flags/index.ts";
import { createVolume, findVolume, volumeKind } from "../../container/volumes/index.ts";
import { TsboxError } from "../../error.ts";
import { randomHex } from "../../linux/random.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs } from "../args.ts";
import { HELP, readCommand } from "../command.ts";

export const CREATE: CommandDefinition = {
  name: "volume create",
  description: "Create a volume and print its name. One without a name gets a random one.",
  operands: "[NAME]",
  flags: {
    driver: { type: "string", alias: "d", description: "There is one: local", valueHint: "DRIVER" },
    opt: {
      type: "string",
      alias: "o",
      description: "type=tmpfs, or type=bind with device=FOLDER; o=OPTIONS of mount(8)",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    label: { type: "string", alias: "l", description: "Label of the volume", valueHint: "NAME=VALUE", repeated: true },
    ignore: { type: "boolean", description: "Do not mind a volume that is there with other options" },
    ...HELP,
  },
  examples: [
    ["tsbox volume create data", "then: tsbox run -v data:/srv IMAGE"],
    ["tsbox volume create -o type=bind -o device=/srv/www www", "a name for a folder of the host"],
    ["tsbox volume create -o type=tmpfs -o o=size=64m scratch", "in memory, for each container anew"],
  ],
};

function pairs(args: ParsedArgs, name: string): Record<string, string> {
  return Object.fromEntries(all(args, name).map((text) => parsePair(text, `--${name}`)));
}

export async function create(argv: readonly string[]): Promise<number> {
  const args = await readCommand(CREATE, argv);
  if (args === undefined) return 0;
  const [given, extra] = args.positionals;
  if (extra !== undefined) throw new TsboxError("usage", "cannot create a volume: it has one name at most");
  const driver = last(args, "driver") ?? "local";
  if (driver !== "local")
    throw new TsboxError("unsupported", `cannot create a volume with driver ${driver}: there is only local`);
  const options = pairs(args, "opt");
  volumeKind(options);
  const store = openStore().root;
  const name = given ?? randomHex(32);
  const made = createVolume(store, { name, labels: pairs(args, "label"), options, anonymous: given === undefined });
  // as Docker: making it again is no mistake, unless it would have to be another one
  if (!made && !isOn(args, "ignore")) checkSame(findVolume(store, name)?.options ?? {}, options, name);
  console.log(name);
  return 0;
}

function checkSame(
  there: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
  name: string,
): void {
  const text = (options: Readonly<Record<string, string>>) => JSON.stringify(Object.entries(options).sort());
  if (Object.keys(wanted).length === 0 || text(there) === text(wanted)) return;
  throw new TsboxError("exists", `cannot create volume ${name}: there is one of that name with other options`);
}
