/**
 * What may follow on a command line. The scripts of all shells call `tsbox __complete WORD...` and do nothing but show the answer, so
 * they need not be made again when tsbox has a new flag, and there is one reading of the command line.
 */
import type { CommandDefinition, FlagDefinition } from "../args.ts";
import { CATALOGUE, findDefinition, isGroup } from "../catalogue.ts";
import { longNames, ownCommands } from "../docker-names.ts";
import { findSubcommand, firstSentence } from "../group.ts";
import { type Candidate, namesOf } from "./names.ts";
import { LOG_LEVELS, operandAt, stopsAtOperand, type Values, valuesOfFlag, valuesOfNoun } from "./values.ts";

export interface Completion {
  /** Whole words that begin as the last one does. */
  readonly candidates: readonly Candidate[];
  /** Whether the shell is to offer paths as well. */
  readonly files?: "any" | "folder";
}

const NOTHING: Completion = { candidates: [] };

/** @param words what stands after `tsbox`, up to the cursor; the last one is being typed, and may be empty */
export async function complete(words: readonly string[]): Promise<Completion> {
  const { rest, values } = skipGlobals(words);
  const [first = "", ...args] = rest;
  if (values !== undefined) return await offer(values, first, "");
  if (args.length === 0) {
    if (first.startsWith("-"))
      return starting(first, ["--root", "--log-level", "--debug", "--version", "--help"].map(bare));
    return starting(first, await commands());
  }
  if (first === "container" || first === "image") {
    const long = longNames(first);
    const own = await ownCommands(first);
    if (args.length === 1) return starting(args[0] ?? "", [...long.keys(), ...Object.keys(own)].map(bare));
    const [word = ""] = args;
    if (Object.hasOwn(own, word) && own[word] !== undefined)
      return await ofCommand(own[word].definition, args.slice(1));
    const [name = "", ...fixed] = long.get(args[0] ?? "") ?? [];
    return name === "" ? NOTHING : await complete([name, ...fixed, ...args.slice(1)]);
  }
  const definition = await findDefinition(first);
  if (definition === undefined) return NOTHING;
  if (!isGroup(definition)) return await ofCommand(definition, args);
  if (args.length > 1) {
    const sub = findSubcommand(definition, args[0] ?? "");
    return sub === undefined ? NOTHING : await ofCommand(sub.definition, args.slice(1));
  }
  const subcommands = Object.entries(definition.commands);
  return starting(
    args[0] ?? "",
    subcommands.map(([name, command]) => [name, firstSentence(command.definition)]),
  );
}

/** Takes the global flags away; when the last word is the value of one, it is what is left, and `values` say which. */
function skipGlobals(words: readonly string[]): { readonly rest: readonly string[]; readonly values?: Values } {
  let i = 0;
  for (; i < words.length - 1; i++) {
    const word = words[i] ?? "";
    if (word.startsWith("--root=")) process.env.TSBOX_ROOT = word.slice("--root=".length);
    else if (word === "--root" || word === "--log-level") {
      i++;
      const values: Values = word === "--root" ? { files: "folder" } : { words: LOG_LEVELS };
      if (i === words.length - 1) return { rest: words.slice(i), values };
      if (word === "--root") process.env.TSBOX_ROOT = words[i] ?? "";
    } else if (!word.startsWith("-")) break;
  }
  return { rest: words.slice(i) };
}

async function commands(): Promise<readonly Candidate[]> {
  const known = CATALOGUE.flatMap(({ commands }) => commands);
  const described = known.map(async ([name, load]) => [name, firstSentence(await load())] as const);
  return await Promise.all(described);
}

/** @param args what follows the command's name */
async function ofCommand(command: CommandDefinition, args: readonly string[]): Promise<Completion> {
  let operands = 0;
  let onlyOperands = false;
  let awaited: Values | "anything" | undefined;
  for (const word of args.slice(0, -1)) {
    if (awaited !== undefined) awaited = undefined;
    else if (onlyOperands || !word.startsWith("-") || word === "-") {
      operands++;
      onlyOperands ||= stopsAtOperand(command.operands);
    } else if (word === "--") onlyOperands = true;
    else awaited = awaitedBy(command, word);
  }
  const last = args.at(-1) ?? "";
  if (awaited === "anything") return { candidates: [], files: "any" };
  if (awaited !== undefined) return await offer(awaited, last, "");
  if (!onlyOperands && last.startsWith("-")) return await ofFlag(command, last);
  const noun = operandAt(command.operands, operands);
  // what a program in the container takes is not known; paths are a good guess
  if (stopsAtOperand(command.operands) && operands > 0 && noun !== undefined) return { candidates: [], files: "any" };
  const values = noun === "COMMAND" && !onlyOperands ? ({ kind: "command" } as const) : valuesOfNoun(noun ?? "");
  return values === undefined ? NOTHING : await offer(values, last, "");
}

/** What the word after this one has to be, if this one is a flag that has no value yet. */
function awaitedBy(command: CommandDefinition, word: string): Values | "anything" | undefined {
  if (word.includes("=")) return undefined;
  const entry = word.startsWith("--") ? longFlag(command, word.slice(2)) : lastShort(command, word);
  if (entry === undefined || entry[1].type === "boolean") return undefined;
  return valuesOfFlag(...entry) ?? "anything";
}

type Entry = readonly [name: string, flag: FlagDefinition];

function longFlag(command: CommandDefinition, name: string): Entry | undefined {
  const flag = Object.hasOwn(command.flags, name) ? command.flags[name] : undefined;
  return flag === undefined ? undefined : [name, flag];
}

/** Of `-it`, the last; of `-eNAME` none, because the value is there. */
function lastShort(command: CommandDefinition, word: string): Entry | undefined {
  for (let i = 1; i < word.length; i++) {
    const entry = Object.entries(command.flags).find(([, { alias }]) => alias === word[i]);
    if (entry === undefined) return undefined;
    if (entry[1].type === "string") return i === word.length - 1 ? entry : undefined;
  }
  return undefined;
}

async function ofFlag(command: CommandDefinition, word: string): Promise<Completion> {
  const equals = word.indexOf("=");
  if (equals < 0) {
    const flags = Object.entries(command.flags);
    return starting(
      word,
      flags.map(([name, { description }]) => [`--${name}`, description]),
    );
  }
  const entry = longFlag(command, word.slice(2, equals));
  if (entry === undefined) return NOTHING;
  const values = entry[1].type === "boolean" ? { words: ["true", "false"] } : valuesOfFlag(...entry);
  return await offer(values ?? { files: "any" }, word.slice(equals + 1), word.slice(0, equals + 1));
}

/** @param before what stands before the value in the same word: `--pull=` */
async function offer(values: Values, begun: string, before: string): Promise<Completion> {
  if ("files" in values) return { candidates: [], files: values.files };
  const words = "words" in values ? values.words.map(bare) : [];
  const names = values.kind === undefined ? [] : await namesOf(values.kind, begun);
  const { candidates } = starting(begun, [...words, ...names]);
  const whole = candidates.map(([word, what]): Candidate => [before + word, what]);
  // -v takes a path of the host where it takes a volume
  return values.kind === "volume" ? { candidates: whole, files: "any" } : { candidates: whole };
}

function bare(word: string): Candidate {
  return [word, ""];
}

function starting(begun: string, candidates: readonly Candidate[]): Completion {
  return { candidates: candidates.filter(([word]) => word.startsWith(begun)) };
}
