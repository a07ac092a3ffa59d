/** `tsbox volume export` and `import` */
import { exportVolume, importVolume, requireVolume } from "../../container/volumes/index.ts";
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, SYS } from "../../linux/abi.gen.ts";
import { errnoText } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { isTerminal } from "../../linux/terminal.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, last } from "../args.ts";
import { HELP, readCommand, requireOperands } from "../command.ts";

export const EXPORT: CommandDefinition = {
  name: "volume export",
  description: "Write what a volume holds as a tar archive, with owners as containers see them.",
  operands: "VOLUME",
  flags: {
    output: { type: "string", alias: "o", description: "Write to a file, not to standard output", valueHint: "FILE" },
    ...HELP,
  },
  examples: [
    ["tsbox volume export -o data.tar data", "a copy of it"],
    ["tsbox volume export data | ssh other tsbox volume import data -", "to another machine"],
  ],
};

export const IMPORT: CommandDefinition = {
  name: "volume import",
  description: "Put what a tar archive has into a volume that is there; what has other names stays.",
  operands: "VOLUME FILE|-",
  flags: { ...HELP },
  examples: [["tsbox volume import data data.tar", "what tsbox volume export wrote"]],
};

export async function exportCommand(argv: readonly string[]): Promise<number> {
  const args = await readCommand(EXPORT, argv);
  if (args === undefined) return 0;
  requireOperands(EXPORT, args, "volume");
  const [name = "", extra] = args.positionals;
  if (extra !== undefined) throw new TsboxError("usage", "cannot export volumes: one at a time");
  const store = openStore().root;
  requireVolume(store, name);
  const file = last(args, "output") ?? "-";
  if (file === "-" && isTerminal(1))
    throw new TsboxError("usage", "cannot write an archive to a terminal: use -o FILE, or a pipe");
  using output = open(file, 1, O_WRONLY | O_CREAT | O_TRUNC);
  await exportVolume(store, name, output.fd);
  return 0;
}

export async function importCommand(argv: readonly string[]): Promise<number> {
  const args = await readCommand(IMPORT, argv);
  if (args === undefined) return 0;
  requireOperands(IMPORT, args, "volume");
  const [name = "", file, extra] = args.positionals;
  if (file === undefined || extra !== undefined)
    throw new TsboxError("usage", "cannot import: expected a volume and an archive, or - for standard input");
  const store = openStore().root;
  requireVolume(store, name);
  using input = open(file, 0, O_RDONLY);
  await importVolume(store, name, input.fd);
  return 0;
}

/** `-` is a standard stream. */
function open(path: string, standard: number, flags: number): Disposable & { readonly fd: number } {
  if (path === "-") return { fd: standard, [Symbol.dispose]: () => {} };
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), flags | O_CLOEXEC, 0o644);
  if (fd < 0) throw new TsboxError("not-found", `cannot open ${path}: ${errnoText(-fd)}`);
  return { fd, [Symbol.dispose]: () => void syscall(SYS.close, fd) };
}
