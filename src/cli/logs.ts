/** `tsbox logs` */
import type { LogRecord } from "../container/log-reader.ts";
import { containerLogs } from "../container/logs.ts";
import { TsboxError } from "../error.ts";
import { writeBytes } from "../linux/write-text.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { HELP, readCommand } from "./command.ts";
import { oneContainer } from "./containers.ts";
import { parseDuration } from "./run-stays.ts";

export const LOGS: CommandDefinition = {
  name: "logs",
  description: "Show what a container's program has written: its output as output, its errors as errors.",
  operands: "CONTAINER",
  flags: {
    follow: { type: "boolean", alias: "f", description: "Go on until the container ends" },
    tail: { type: "string", alias: "n", description: "Only so many lines from the end (all)", valueHint: "NUMBER" },
    since: { type: "string", description: "From then on: a time, or a duration before now", valueHint: "TIME" },
    until: { type: "string", description: "Up to then", valueHint: "TIME" },
    timestamps: { type: "boolean", alias: "t", description: "When each line began, before it" },
    ...HELP,
  },
  examples: [
    ["tsbox logs -f web", "and what comes, until it ends"],
    ["tsbox logs --since 10m --tail 100 web", "of the last ten minutes, at most 100 lines"],
  ],
};

/** @returns as in the log: RFC 3339 in UTC, so that texts compare as times do. @throws TsboxError `usage` */
export function parseTime(text: string, flag: string): string {
  const iso = (milliseconds: number) => `${new Date(milliseconds).toISOString().slice(0, -1)}000000Z`;
  if (/^\d+(\.\d+)?$/.test(text)) return iso(Number(text) * 1000);
  if (/^\d{4}-/.test(text)) {
    const time = Date.parse(text);
    if (!Number.isNaN(time)) return iso(time);
  } else if (/^[\d.]/.test(text)) return iso(Date.now() - parseDuration(text, flag));
  throw new TsboxError(
    "usage",
    `cannot use ${flag} ${text}: it is neither a time such as 2026-01-02T15:04:05 nor a duration such as 10m`,
  );
}

export async function logs(argv: readonly string[]): Promise<number> {
  const args = await readCommand(LOGS, argv);
  if (args === undefined) return 0;
  const { store, id } = oneContainer(LOGS, args);
  const asked = last(args, "tail");
  if (asked !== undefined && asked !== "all" && !/^-?\d+$/.test(asked))
    throw new TsboxError("usage", `cannot use --tail ${asked}: it is neither a number nor all`);
  const since = last(args, "since");
  const until = last(args, "until");
  const selection = {
    follow: isOn(args, "follow"),
    tail: asked === undefined || asked === "all" || Number(asked) < 0 ? undefined : Number(asked),
    since: since === undefined ? undefined : parseTime(since, "--since"),
    until: until === undefined ? undefined : parseTime(until, "--until"),
  };
  await containerLogs(store, id, selection, isOn(args, "timestamps") ? withTimes() : plain);
  flush();
  return 0;
}

/** Neighbours of one stream are written together. */
let waiting: Uint8Array[] = [];
let size = 0;
let stream = 1;

function flush(): void {
  if (waiting.length > 0) writeBytes(stream, Buffer.concat(waiting));
  waiting = [];
  size = 0;
}

let scheduled = false;

function put(to: number, data: Uint8Array): void {
  if (to !== stream || size > 1 << 16) flush();
  stream = to;
  waiting.push(data);
  size += data.length;
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    flush();
  });
}

function plain({ stream: name, data }: LogRecord): void {
  put(name === "stdout" ? 1 : 2, data);
}

/** Pieces of a line have one time. */
function withTimes(): (record: LogRecord) => void {
  const begun = { stdout: false, stderr: false };
  return (record) => {
    const { stream: name, time, data } = record;
    if (!begun[name]) put(name === "stdout" ? 1 : 2, new TextEncoder().encode(`${time} `));
    begun[name] = data.at(-1) !== 10;
    plain(record);
  };
}
