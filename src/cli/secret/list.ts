/** `tsbox secret ls`, `inspect`, `rm` and `exists` */
import { listSecrets, removeSecret, requireSecret, type Secret, secretData } from "../../container/secrets/index.ts";
import { TsboxError } from "../../error.ts";
import { writeAll } from "../../linux/write-text.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last } from "../args.ts";
import { forEachOperand, HELP, meansAll, readCommand, refuseOperands, requireOperands } from "../command.ts";
import { chooseBy, nameFilter } from "../format/filters.ts";
import { renderListing } from "../format/listing.ts";
import { mapOf } from "../format/values.ts";
import { readableAge } from "../readable.ts";
import type { Columns } from "../table.ts";

const FORMAT = { type: "string", valueHint: "FORMAT" } as const;

export const LS: CommandDefinition = {
  name: "secret ls",
  description: "List secrets.",
  operands: "",
  flags: {
    filter: {
      type: "string",
      alias: "f",
      description: "name=PATTERN or id=TEXT",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    format: { ...FORMAT, description: "json, or text with {{.ID}}, {{.Name}}, ..." },
    noheading: { type: "boolean", alias: "n", description: "Leave out the headings" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but ids" },
    ...HELP,
  },
  examples: [["tsbox secret ls", "all secrets, not their values"]],
};

export const INSPECT: CommandDefinition = {
  name: "secret inspect",
  description: "Print what is known of secrets, as JSON.",
  operands: "SECRET...",
  flags: {
    format: { ...FORMAT, alias: "f", description: "json, or text with {{.ID}}, {{.Spec.Name}}, {{.CreatedAt}}" },
    showsecret: { type: "boolean", description: "Their values, too" },
    ...HELP,
  },
  examples: [["tsbox secret inspect db", "its id, labels and times"]],
};

export const RM: CommandDefinition = {
  name: "secret rm",
  description: "Remove secrets. Containers that run keep what they have until they end.",
  operands: "SECRET...",
  flags: {
    all: { type: "boolean", alias: "a", description: "All secrets" },
    ignore: { type: "boolean", alias: "i", description: "Do not mind what is not there" },
    ...HELP,
  },
  examples: [["tsbox secret rm db", "by name, or by id or its beginning"]],
};

export const EXISTS: CommandDefinition = {
  name: "secret exists",
  description: "End with status 0 if there is a secret of that name or id, with 1 otherwise.",
  operands: "SECRET",
  flags: { ...HELP },
  examples: [["tsbox secret exists db && echo yes", "ask for one"]],
};

interface SecretRow extends Record<string, unknown> {
  readonly ID: string;
  readonly Name: string;
  readonly Driver: string;
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
}

const COLUMNS: Columns<SecretRow> = [
  ["ID", "ID"],
  ["Name", "NAME"],
  ["Driver", "DRIVER"],
  ["CreatedAt", "CREATED"],
  ["UpdatedAt", "UPDATED"],
];
const HEADINGS = Object.fromEntries(COLUMNS);

function rowOf({ id, name, created, updated }: Secret): SecretRow {
  const now = Date.now();
  return {
    ID: id,
    Name: name,
    Driver: "file",
    CreatedAt: readableAge(created, now),
    UpdatedAt: readableAge(updated, now),
  };
}

export async function ls(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LS, argv);
  if (args === undefined) return 0;
  refuseOperands(LS, args);
  const fits = chooseBy<Secret>(all(args, "filter"), {
    name: nameFilter("name", ({ name }) => [name]),
    id: (value) => (secret) => secret.id.startsWith(value),
  });
  const rows = listSecrets(openStore().root).filter(fits).map(rowOf);
  const format = last(args, "format") ?? "table";
  const text = isOn(args, "quiet")
    ? rows.map(({ ID }) => ID).join("\n")
    : renderListing(format, { columns: COLUMNS, headings: HEADINGS, rows });
  print(isOn(args, "noheading") && format.startsWith("table") ? text.split("\n").slice(1).join("\n") : text);
  return 0;
}

function print(text: string): void {
  if (text !== "") writeAll(1, `${text}\n`);
}

export async function inspect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(INSPECT, argv);
  if (args === undefined) return 0;
  requireOperands(INSPECT, args, "secret");
  const store = openStore().root;
  const found: Secret[] = [];
  const status = await forEachOperand(args, async (operand) => {
    found.push(requireSecret(store, operand));
  });
  const rows = await Promise.all(found.map((secret) => documentOf(store, secret, isOn(args, "showsecret"))));
  print(renderListing(last(args, "format") ?? "json", { columns: [], headings: {}, rows }));
  return status;
}

function inspectedRow(secret: Secret): SecretRow {
  const time = (milliseconds: number) => new Date(milliseconds).toISOString();
  return { ...rowOf(secret), CreatedAt: time(secret.created), UpdatedAt: time(secret.updated) };
}

/** As podman's; the value only when it is asked for. */
async function documentOf(store: string, secret: Secret, show: boolean): Promise<Record<string, unknown>> {
  const { ID, CreatedAt, UpdatedAt } = inspectedRow(secret);
  const { name, labels } = secret;
  const Spec = { Name: name, Driver: { Name: "file", Options: mapOf({}) }, Labels: mapOf(labels) };
  const value = show ? { SecretData: await Bun.file(secretData(store, name)).text() } : {};
  return { ID, CreatedAt, UpdatedAt, Spec, ...value };
}

export async function rm(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RM, argv);
  if (args === undefined) return 0;
  const store = openStore().root;
  const isAll = meansAll(RM, args, "secret");
  const names = isAll ? listSecrets(store).map(({ name }) => name) : args.positionals;
  return await forEachOperand({ ...args, positionals: names }, async (operand) => {
    try {
      const secret = requireSecret(store, operand);
      removeSecret(store, secret);
      console.log(secret.id);
    } catch (error) {
      if (isOn(args, "ignore") && error instanceof TsboxError && error.code === "not-found") return;
      throw error;
    }
  });
}

export async function exists(argv: readonly string[]): Promise<number> {
  const args = await readCommand(EXISTS, argv);
  if (args === undefined) return 0;
  requireOperands(EXISTS, args, "secret");
  const store = openStore().root;
  try {
    for (const name of args.positionals) requireSecret(store, name);
    return 0;
  } catch (error) {
    if (error instanceof TsboxError && error.code === "not-found") return 1;
    throw error;
  }
}
