/** `tsbox secret create` */
import { parsePair } from "../../container/flags/index.ts";
import { createSecret, hasSecret, requireSecret } from "../../container/secrets/index.ts";
import { TsboxError } from "../../error.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last } from "../args.ts";
import { HELP, readCommand } from "../command.ts";

export const CREATE: CommandDefinition = {
  name: "secret create",
  description: "Keep a secret, read from a file or from standard input, and print its id.",
  operands: "NAME FILE|-",
  flags: {
    driver: { type: "string", alias: "d", description: "There is one: file", valueHint: "DRIVER" },
    env: { type: "boolean", description: "Not a file but an environment variable is named" },
    label: { type: "string", alias: "l", description: "Label of the secret", valueHint: "NAME=VALUE", repeated: true },
    replace: { type: "boolean", description: "Put it in the place of one that has the name" },
    ignore: { type: "boolean", description: "Do nothing if there is one of that name" },
    ...HELP,
  },
  examples: [
    ['printf %s "$password" | tsbox secret create db -', "then: tsbox run --secret db IMAGE"],
    ["tsbox secret create --env db DB_PASSWORD", "of a variable"],
  ],
};

export async function create(argv: readonly string[]): Promise<number> {
  const args = await readCommand(CREATE, argv);
  if (args === undefined) return 0;
  const [name, source, extra] = args.positionals;
  if (name === undefined || source === undefined || extra !== undefined)
    throw new TsboxError("usage", "cannot create a secret: expected its name and a file, or - for standard input");
  const driver = last(args, "driver") ?? "file";
  if (driver !== "file")
    throw new TsboxError("unsupported", `cannot create a secret with driver ${driver}: there is only file`);
  const labels = Object.fromEntries(all(args, "label").map((text) => parsePair(text, "--label")));
  const store = openStore().root;
  if (isOn(args, "ignore") && /^[a-zA-Z0-9]/.test(name) && !name.includes("/") && hasSecret(store, name)) {
    console.log(requireSecret(store, name).id);
    return 0;
  }
  const value = isOn(args, "env") ? ofVariable(source) : await ofFile(source);
  const { id } = createSecret(store, { name, labels, value, replace: isOn(args, "replace") });
  console.log(id);
  return 0;
}

function ofVariable(name: string): Uint8Array {
  const value = process.env[name];
  if (value === undefined)
    throw new TsboxError("not-found", `cannot create a secret of the variable ${name}: it is not set`);
  return new TextEncoder().encode(value);
}

async function ofFile(path: string): Promise<Uint8Array> {
  try {
    return await (path === "-" ? Bun.stdin : Bun.file(path)).bytes();
  } catch (cause) {
    throw new TsboxError("not-found", `cannot read ${path}: there is no such file, or it cannot be read`, { cause });
  }
}
