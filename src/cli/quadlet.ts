/** `tsbox quadlet`: `.container`, `.volume`, `.network`, `.pod`, `.kube` and `.image` files as units of systemd. */
import { gatherUnits } from "../container/units/quadlet/gather.ts";
import { type QuadletUnit, quadletFolders, quadletKind } from "../container/units/quadlet/index.ts";
import { installedUnits, removeUnit, unitFolder, writeUnits } from "../container/units/quadlet/install.ts";
import { TsboxError } from "../error.ts";
import { writeAll } from "../linux/write-text.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { forEachOperand, HELP, meansAll, readCommand, refuseOperands } from "./command.ts";
import { renderListing } from "./format/listing.ts";
import { type GroupDefinition, groupCommand } from "./group.ts";
import { type Columns, renderTable } from "./table.ts";

const KINDS = ".container, .volume, .network, .pod, .kube and .image files";
const WHERE = "~/.config/containers/systemd and ~/.config/tsbox/systemd";

const INSTALL: CommandDefinition = {
  name: "quadlet install",
  description: `Make units of systemd out of ${KINDS}: those that are named with what they need, or all in ${WHERE}. Prints the units.`,
  operands: "[FILE...]",
  flags: {
    reload: { type: "boolean", description: "Tell systemd that there are new units (on)" },
    ...HELP,
  },
  examples: [
    ["tsbox quadlet install", "all; then: systemctl --user start web"],
    ["tsbox quadlet install ./web.container", "one, and what it names, such as data.volume beside it"],
  ],
};

const PRINT: CommandDefinition = {
  name: "quadlet print",
  description: "Print the units that would be made, and write nothing.",
  operands: "[FILE...]",
  flags: { ...HELP },
  examples: [["tsbox quadlet print ./web.container", "to see what systemd will do"]],
};

const LS: CommandDefinition = {
  name: "quadlet ls",
  description: "List the units that quadlet install has made.",
  operands: "",
  flags: {
    format: { type: "string", description: "json, or text with {{.Name}}, {{.Unit}}, ...", valueHint: "FORMAT" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but the units" },
    ...HELP,
  },
  examples: [["tsbox quadlet ls", "with what systemd says of them"]],
};

const RM: CommandDefinition = {
  name: "quadlet rm",
  description: "Stop units that quadlet install has made, and remove them. The quadlets stay.",
  operands: "UNIT|FILE...",
  flags: {
    reload: { type: "boolean", description: "Tell systemd that they are gone (on)" },
    all: { type: "boolean", alias: "a", description: "All of them" },
    ...HELP,
  },
  examples: [["tsbox quadlet rm web.container", "the same as: tsbox quadlet rm web.service"]],
};

const ownUid = (): number => process.getuid?.() ?? 0;

/** What is wrong with those that nobody named is said. @returns the exit status beside the units */
function unitsOf(operands: readonly string[]): { units: readonly QuadletUnit[]; status: number } {
  const { units, failures } = gatherUnits(operands, quadletFolders(process.env, ownUid()), process.cwd());
  writeAll(2, failures.map((sentence) => `tsbox: ${sentence}\n`).join(""));
  return { units, status: failures.length === 0 ? 0 : 1 };
}

function someUnitsOf(operands: readonly string[]): { units: readonly QuadletUnit[]; status: number } {
  const result = unitsOf(operands);
  if (result.units.length > 0 || result.status !== 0) return result;
  throw new TsboxError("not-found", `cannot make units: there are no ${KINDS} in ${WHERE}`);
}

async function install(argv: readonly string[]): Promise<number> {
  const args = await readCommand(INSTALL, argv);
  if (args === undefined) return 0;
  const { units, status } = someUnitsOf(args.positionals);
  const folder = unitFolder(process.env, ownUid());
  writeUnits(folder, units);
  if (last(args, "reload") !== "false") reload();
  writeAll(1, units.map(({ file }) => `${folder}/${file}\n`).join(""));
  return status;
}

async function print(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PRINT, argv);
  if (args === undefined) return 0;
  const { units, status } = someUnitsOf(args.positionals);
  writeAll(1, units.map(({ file, text }) => `# ${file}\n${text}`).join("\n"));
  return status;
}

interface QuadletRow extends Record<string, unknown> {
  readonly Name: string;
  readonly Unit: string;
  readonly Path: string;
  readonly Status: string;
}

const COLUMNS: Columns<QuadletRow> = [
  ["Name", "NAME"],
  ["Unit", "UNIT NAME"],
  ["Path", "PATH ON DISK"],
  ["Status", "STATUS"],
];

async function ls(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LS, argv);
  if (args === undefined) return 0;
  refuseOperands(LS, args);
  const units = installedUnits(unitFolder(process.env, ownUid()));
  const states = units.length === 0 ? [] : systemctl(["is-active", ...units.map(({ file }) => file)]).split("\n");
  const rows = units.map(
    ({ file, source }, index): QuadletRow => ({
      Name: source.slice(source.lastIndexOf("/") + 1),
      Unit: file,
      Path: source,
      Status: states[index]?.trim() || "unknown",
    }),
  );
  const format = last(args, "format");
  if (isOn(args, "quiet")) writeAll(1, rows.map(({ Unit }) => `${Unit}\n`).join(""));
  else if (format !== undefined && format !== "table") {
    const text = renderListing(format, { columns: COLUMNS, headings: Object.fromEntries(COLUMNS), rows });
    if (text !== "") writeAll(1, `${text}\n`);
  } else writeAll(1, `${renderTable(COLUMNS, rows)}\n`);
  return 0;
}

async function rm(argv: readonly string[]): Promise<number> {
  const args = await readCommand(RM, argv);
  if (args === undefined) return 0;
  const folder = unitFolder(process.env, ownUid());
  const units = installedUnits(folder);
  const all = meansAll(RM, args, "unit");
  const positionals = all ? units.map(({ file }) => file) : args.positionals;
  const status = await forEachOperand({ ...args, positionals }, async (operand) => {
    const name = operand.slice(operand.lastIndexOf("/") + 1);
    const unit = units.find(
      ({ file, source }) =>
        file === name || file === `${name}.service` || (quadletKind(name) !== undefined && source.endsWith(`/${name}`)),
    );
    if (unit === undefined)
      throw new TsboxError("not-found", `cannot remove ${operand}: tsbox quadlet install has made no such unit`);
    systemctl(["stop", unit.file]);
    removeUnit(folder, unit.file);
    writeAll(1, `${unit.file}\n`);
  });
  if (last(args, "reload") !== "false") reload();
  return status;
}

/** @returns what it prints; nothing where there is no systemd */
function systemctl(args: readonly string[]): string {
  const program = Bun.which("systemctl");
  if (program === null) return "";
  const mode = ownUid() === 0 ? ["--system"] : ["--user"];
  return Bun.spawnSync([program, ...mode, ...args], { stdin: "ignore", stderr: "ignore" }).stdout.toString();
}

function reload(): void {
  systemctl(["daemon-reload"]);
}

export const QUADLET: GroupDefinition = {
  name: "quadlet",
  description: "Let systemd start containers that files describe.",
  commands: {
    install: { definition: INSTALL, run: install },
    ls: { definition: LS, run: ls, aliases: ["list"] },
    rm: { definition: RM, run: rm, aliases: ["remove"] },
    print: { definition: PRINT, run: print },
  },
};

export const quadlet = groupCommand(QUADLET);

/**
 * As a generator of systemd, which calls it with three folders: systemd.generator(7). For an administrator who links tsbox to
 * `/etc/systemd/user-generators/tsbox-user-generator`. One quadlet that cannot be read is said and keeps nothing from the others.
 */
export async function quadletGenerator([folder]: readonly string[]): Promise<number> {
  if (folder === undefined) throw new TsboxError("usage", "cannot generate units: no folder given");
  const { units, status } = unitsOf([]);
  writeUnits(folder, units);
  return status;
}
