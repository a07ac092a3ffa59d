/**
 * What happened to containers, images, volumes and networks: a line of JSON each in `events.jsonl` of the store, with the time in
 * milliseconds since 1970. There is no daemon to tell anybody, so whoever wants to know reads the file (`tsbox events`).
 */
import { AT_FDCWD, O_APPEND, O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_WRONLY, SYS } from "../linux/abi.gen.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import type { ContainerRecord } from "./folder.ts";

/** Bytes from which on a new file is begun. */
export const SIZE_LIMIT = 1 << 20;
const SEEK_CUR = 1;

export function eventsFile(store: string): string {
  return `${store}/events.jsonl`;
}

/** The fields of a container's event, in Docker's words; its time is added where it is written. */
export function containerEvent({ id, name, image }: ContainerRecord, action: string | undefined): object {
  return { type: "container", action, id, name, image };
}

/** Notes it; one that cannot be noted is no failure of what happened. */
export function event(store: string, record: ContainerRecord, action: string, more: object = {}): void {
  noteEvent(store, { ...containerEvent(record, action), ...more });
}

/** Of an image, by the name that it was called. @param id with which Docker names it: for most actions the same */
export function imageEvent(store: string, action: string, name: string, id = name): void {
  noteEvent(store, { type: "image", action, id, name });
}

/** @param line what removing images has told: `Untagged: NAME` or `Deleted: ID` */
export function imageRemovalEvent(store: string, line: string): void {
  const [, what, name = ""] = /^(Untagged|Deleted): (.*)$/.exec(line) ?? [];
  if (what !== undefined) imageEvent(store, what === "Untagged" ? "untag" : "delete", name);
}

/** In one call, so that lines of several processes do not mix. */
export function noteEvent(store: string, fields: object): void {
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(eventsFile(store)), flags, 0o600);
  if (fd < 0) return;
  const line = new TextEncoder().encode(`${JSON.stringify({ ...fields, time: Date.now() })}\n`);
  syscall(SYS.write, fd, line, line.length);
  const size = syscall(SYS.lseek, fd, 0, SEEK_CUR);
  syscall(SYS.close, fd);
  if (size > SIZE_LIMIT) (require("./event-rotation.ts") as typeof import("./event-rotation.ts")).rotateEvents(store);
}
