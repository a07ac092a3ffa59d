/** `top`: the processes of a container, as ps(1) shows them. */
import { TsboxError } from "../../error.ts";
import { readShortText } from "../../linux/read-text.ts";
import { containerProcesses } from "../processes.ts";
import { containerState, readRecord } from "../state.ts";
import { nameOf } from "../stop.ts";
import { accountsOf } from "./accounts.ts";
import { chooseColumns } from "./choose.ts";
import type { View } from "./columns.ts";
import { readProcess } from "./process-info.ts";

/**
 * @param words ps(1)'s options or podman's descriptors
 * @returns lines of cells, the first one the headings
 * @throws TsboxError `busy` when it does not run, `usage` for words that are neither
 */
export async function topOf(store: string, id: string, words: readonly string[]): Promise<string[][]> {
  const columns = chooseColumns(words);
  const record = readRecord(store, id);
  const state = containerState(store, record);
  if (state.pid === 0)
    throw new TsboxError("busy", `cannot show processes of container ${nameOf(record)}: it is not running`);
  const view: View = {
    accounts: accountsOf(state.pid),
    boot: Number(/^btime (\d+)$/m.exec(readShortText("/proc/stat") ?? "")?.[1] ?? 0) * 1000,
    now: Date.now(),
    memory: Number(/^MemTotal:\s+(\d+)/.exec(readShortText("/proc/meminfo") ?? "")?.[1] ?? 1) * 1024,
    inside: insideOf(state.pid),
  };
  const processes = (await containerProcesses(state)).flatMap((pid) => readProcess(pid) ?? []);
  return [
    columns.map(({ heading }) => heading),
    ...processes.map((info) => columns.map(({ text }) => text(info, view))),
  ];
}

/** NSpid has a number for each namespace, the reader's first: the container's stands where its first process has its last. */
function insideOf(first: number): (pid: number) => number {
  const numbers = (pid: number) =>
    (/^NSpid:\s+(.*)$/m.exec(readShortText(`/proc/${pid}/status`) ?? "")?.[1] ?? "").split(/\s+/).map(Number);
  const level = numbers(first).length - 1;
  return (pid) => (pid === 0 ? 0 : (numbers(pid)[level] ?? 0));
}
