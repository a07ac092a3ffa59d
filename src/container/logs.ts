/** `logs`: what a container's program has written, and what it goes on to write. */
import { TsboxError } from "../error.ts";
import { warn } from "../linux/warn.ts";
import { type ContainerRecord, containerFolder } from "./folder.ts";
import { FolderChanges } from "./folder-changes.ts";
import { type LogRecord, lostOutput, readLog } from "./log-reader.ts";
import { containerState, readRecord, recordIfPresent } from "./state.ts";
import { nameOf } from "./stop.ts";

export interface LogSelection {
  readonly follow: boolean;
  /** Lines from the end; undefined: all. */
  readonly tail: number | undefined;
  /** RFC 3339 in UTC with nanoseconds, which compare as text. */
  readonly since: string | undefined;
  readonly until: string | undefined;
}

/** @throws TsboxError `unsupported` when there is no log */
export async function containerLogs(
  store: string,
  id: string,
  selection: LogSelection,
  print: (record: LogRecord) => void,
): Promise<void> {
  const record = readRecord(store, id);
  const folder = containerFolder(store, id);
  if (record.log === "none") throw noLog(record);
  const records =
    record.log === "journald" ? journalRecords(record, selection.follow) : fileRecords(store, id, selection.follow);
  const chosen = select(records, selection);
  await printAll(chosen, selection, print);
  const lost = lostOutput(folder);
  if (lost !== undefined) warn(lost);
}

function noLog(record: ContainerRecord): TsboxError {
  return new TsboxError(
    "unsupported",
    `cannot show the log of container ${nameOf(record)}: it has none, because it was started in the foreground or with --log-driver=none`,
  );
}

async function* select(records: AsyncGenerator<LogRecord>, { since, until }: LogSelection): AsyncGenerator<LogRecord> {
  for await (const record of records) {
    if (since !== undefined && record.time < since) continue;
    if (until !== undefined && record.time > until) return;
    yield record;
  }
}

/** The last lines of what is there are kept until its end is reached; what comes later is printed as it comes. */
async function printAll(
  records: AsyncGenerator<LogRecord>,
  { tail }: LogSelection,
  print: (record: LogRecord) => void,
): Promise<void> {
  if (tail === undefined) {
    for await (const record of records) if (record !== END_OF_PAST) print(record);
    return;
  }
  let last: LogRecord[] = [];
  let lines = 0;
  let past = true;
  const isEnd = (record: LogRecord) => record.data.at(-1) === 10;
  for await (const record of records) {
    if (record === END_OF_PAST) {
      past = false;
      for (const kept of last) print(kept);
      last = [];
    } else if (!past) print(record);
    else if (tail > 0) {
      last.push(record);
      if (isEnd(record)) lines++;
      // a line that has not ended counts, too
      while (lines + (isEnd(record) ? 0 : 1) > tail) {
        const first = last.findIndex(isEnd);
        if (first < 0) break;
        last = last.slice(first + 1);
        lines--;
      }
    }
  }
  for (const kept of last) print(kept);
}

/** Stands between what was there and what comes. */
const END_OF_PAST: LogRecord = { stream: "stdout", time: "", data: new Uint8Array() };

async function* fileRecords(store: string, id: string, follow: boolean): AsyncGenerator<LogRecord> {
  const folder = containerFolder(store, id);
  if (!follow) {
    yield* readLog(folder);
    return;
  }
  using changes = new FolderChanges(`${folder}/log`);
  const runs = () => {
    const record = recordIfPresent(store, id);
    if (record === undefined) return false;
    const { status } = containerState(store, record);
    return status === "running" || status === "paused" || status === "restarting";
  };
  let past = true;
  const pending: LogRecord[] = [];
  const records = readLog(folder, {
    // asked before each reading: what was written until then is read once more
    ended: () => !runs(),
    changed: () => {
      if (past) pending.push(END_OF_PAST);
      past = false;
      return changes.next();
    },
  });
  for await (const record of records) {
    yield* pending.splice(0);
    yield record;
  }
}

/** Through journalctl(1), whose JSON has binary messages as arrays of numbers. */
async function* journalRecords(record: ContainerRecord, follow: boolean): AsyncGenerator<LogRecord> {
  const program = Bun.which("journalctl");
  if (program === null)
    throw new TsboxError("host", "cannot show the log: it is in the journal, and journalctl is not installed");
  const child = Bun.spawn(
    [
      program,
      "-o",
      "json",
      "--all",
      "--no-pager",
      ...(follow ? ["-f", "-n", "all"] : []),
      `CONTAINER_ID_FULL=${record.id}`,
    ],
    {
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of child.stdout) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield journalRecord(JSON.parse(line));
    }
    // not being allowed to read the journal is no empty log
    if ((await child.exited) !== 0) {
      const reason = (await new Response(child.stderr).text()).trim().split("\n").at(-1);
      throw new TsboxError("denied", `cannot show the log: journalctl: ${reason}`);
    }
  } finally {
    child.kill();
  }
}

interface JournalEntry {
  readonly MESSAGE: string | readonly number[] | null;
  readonly PRIORITY?: string;
  readonly CONTAINER_PARTIAL_MESSAGE?: string;
  readonly __REALTIME_TIMESTAMP: string;
}

function journalRecord({
  MESSAGE,
  PRIORITY,
  CONTAINER_PARTIAL_MESSAGE,
  __REALTIME_TIMESTAMP,
}: JournalEntry): LogRecord {
  const bytes = typeof MESSAGE === "string" ? new TextEncoder().encode(MESSAGE) : Uint8Array.from(MESSAGE ?? []);
  const whole = CONTAINER_PARTIAL_MESSAGE !== "true";
  const micro = BigInt(__REALTIME_TIMESTAMP);
  const time = `${new Date(Number(micro / 1000n)).toISOString().slice(0, -1)}${String(micro % 1000n).padStart(3, "0")}000Z`;
  return {
    stream: PRIORITY === "3" ? "stderr" : "stdout",
    time,
    data: whole ? Buffer.concat([bytes, Uint8Array.of(10)]) : bytes,
  };
}
