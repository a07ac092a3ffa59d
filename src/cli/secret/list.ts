/** `tsbox secret ls`, `inspect`, `rm` and `exists` */
import { listSecrets, removeSecret, requireSecret, type Secret, secretData } from "../../container/secrets/index.ts";
import { TsboxError } from "../../error.ts";
import { openStore } from "../../store/index.ts";
import { all, type CommandDefinition, isOn, last } from "../args.ts";
import { forEachOperand, HELP, readCommand, refuseOperands, requireOperands } from "../command.ts";
import { renderFormat } from "../format/listing.ts";
import { readableAge } from "../readable.ts";
import { type Columns, renderTable } from "../table.ts";

const FORMAT = { type: "string", valueHint: "FORMAT" } as const;

export const LS: CommandDefinition = {
  name: "secret ls",
  description: "List secrets.",
  operands: "",
  flags: {
    filter: {
      type: "string",
      alias: "f",
      description: "name=TEXT or id=TEXT",
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
    format: { ...FORMAT, alias: "f", description: "json, or text with {{.ID}}, {{.Name}}, {{.CreatedAt}}" },
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

const FIELDS = ["ID", "Name", "Driver", "CreatedAt", "UpdatedAt"] as const;
const COLUMNS: Columns<SecretRow> = [
  ["ID", "ID"],
  ["Name", "NAME"],
  ["Driver", "DRIVER"],
  ["CreatedAt", "CREATED"],
  ["UpdatedAt", "UPDATED"],
];

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

function matches(secret: Secret, filters: readonly string[]): boolean {
  const groups: Record<string, string[]> = { name: [], id: [] };
  for (const text of filters) {
    const at = text.indexOf("=");
    const values = groups[text.slice(0, Math.max(at, 0))];
    if (values === undefined) throw new TsboxError("usage", `cannot use --filter ${text}: there is name and id`);
    values.push(text.slice(at + 1));
  }
  const any = (values: readonly string[] = [], test: (value: string) => boolean) =>
    values.length === 0 || values.some(test);
  return (
    any(groups.name, (value) => secret.name.includes(value)) && any(groups.id, (value) => secret.id.startsWith(value))
  );
}

export async function ls(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LS, argv);
  if (args === undefined) return 0;
  refuseOperands(LS, args);
  const filters = all(args, "filter");
  const rows = listSecrets(openStore().root)
    .filter((secret) => matches(secret, filters))
    .map(rowOf);
  const format = last(args, "format");
  const text = isOn(args, "quiet")
    ? rows.map(({ ID }) => ID).join("\n")
    : format === undefined || format === "table"
      ? renderTable(COLUMNS, rows)
      : renderFormat(format, FIELDS, rows);
  const shown = isOn(args, "noheading") && format === undefined ? text.split("\n").slice(1).join("\n") : text;
  if (shown !== "") console.log(shown);
  return 0;
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
  const format = last(args, "format") ?? "json";
  const documents = await Promise.all(found.map((secret) => documentOf(store, secret, isOn(args, "showsecret"))));
  if (format === "json") console.log(JSON.stringify(documents, null, 2));
  else if (found.length > 0) console.log(renderFormat(format, FIELDS, found.map(inspectedRow)));
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
  const Spec = { Name: name, Driver: { Name: "file", Options: {} }, Labels: labels };
  const value = show ? { SecretData: await Bun.file(secretData(store, name)).text() } : {};
  return { ID, CreatedAt, UpdatedAt, Spec, ...value };
}

export async function rm(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RM, argv);
  if (args === undefined) return 0;
  const store = openStore().root;
  const isAll = isOn(args, "all");
  if (!isAll) requireOperands(RM, args, "secret");
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
