/** Answers that are costly to find and change only with the kernel: a small file in the storage folder. */
import { readHostFile } from "../idmap/index.ts";

const FILE = "host-probes.json";

function kernel(): string {
  return readHostFile("/proc/sys/kernel/osrelease")?.trim() ?? "";
}

interface Cache {
  readonly kernel: string;
  readonly answers: Record<string, string>;
}

function read(folder: string): Cache {
  const empty = { kernel: kernel(), answers: {} };
  const text = readHostFile(`${folder}/${FILE}`);
  if (text === undefined) return empty;
  try {
    const cache: unknown = JSON.parse(text);
    return isCache(cache) && cache.kernel === empty.kernel ? cache : empty;
  } catch {
    return empty; // a damaged cache is an empty one
  }
}

function isCache(value: unknown): value is Cache {
  if (typeof value !== "object" || value === null || !("kernel" in value) || !("answers" in value)) return false;
  const { answers } = value;
  return typeof answers === "object" && answers !== null && Object.values(answers).every((a) => typeof a === "string");
}

/** What was found under this kernel, or undefined. Never throws. */
export function readCachedAnswer(folder: string, key: string): string | undefined {
  return read(folder).answers[key];
}

/** Remembers an answer; replaces the file whole, so that readers see the old or the new one. Failing to write is no failure. */
export function writeCachedAnswer(folder: string, key: string, answer: string): void {
  const cache = read(folder);
  const text = JSON.stringify({ kernel: cache.kernel, answers: { ...cache.answers, [key]: answer } });
  const temporary = `${folder}/${FILE}.${process.pid}`;
  const { renameSync, writeFileSync } = process.getBuiltinModule("node:fs");
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, `${folder}/${FILE}`);
  } catch {
    // a full disk or a read-only folder: the answer is found again next time
  }
}
