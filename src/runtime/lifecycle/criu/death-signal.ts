/**
 * A container that `run` watches over dies with its watcher. CRIU keeps that: restored with `--detach` it would die with the tsbox that
 * restored it. So the images do not have it. Their form is core.proto's: two magic numbers and the size, 4 bytes each, then a core_entry.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { SIGKILL } from "../../../linux/abi.gen.ts";
import { readShortText } from "../../../linux/read-text.ts";

const HEADER = 12;
/** core_entry.thread_core, thread_core_entry.pdeath_sig */
const THREAD_CORE = 5;
const DEATH_SIGNAL = 8;

/** The pid of a process in its own pid namespace, by which CRIU names its images. proc_pid_status(5) */
export function innerPid(pid: number): number {
  const numbers = /^NSpid:\s*(.*)$/m.exec(readShortText(`/proc/${pid}/status`) ?? "")?.[1]?.split(/\s+/) ?? [];
  return Number(numbers.at(-1) ?? pid);
}

/** @param path of a `core-PID.img`. @returns whether it had the signal */
export function clearDeathSignal(path: string): boolean {
  const image = readFileSync(path);
  const thread = findField(image, HEADER, image.length, THREAD_CORE);
  const signal = thread === undefined ? undefined : findField(image, thread.start, thread.end, DEATH_SIGNAL);
  if (signal === undefined || signal.end !== signal.start + 1 || image[signal.start] !== SIGKILL) return false;
  // as long as it was, so that no size changes
  image[signal.start] = 0;
  writeFileSync(path, image);
  return true;
}

/** Where the value of a field is; undefined too for what is no message. */
function findField(bytes: Uint8Array, from: number, to: number, wanted: number) {
  let at = from;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (; at < to; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < to) {
    const tag = varint();
    let start = at;
    const form = tag % 8;
    if (form === 0) varint();
    else if (form === 1) at += 8;
    else if (form === 5) at += 4;
    else if (form === 2) {
      const size = varint();
      start = at;
      at += size;
    } else return undefined;
    if (Math.floor(tag / 8) === wanted) return { start, end: at };
  }
  return undefined;
}
