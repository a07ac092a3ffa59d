/** Values of processes as ps(1) writes them. */
import { ALL_CAPABILITIES } from "../../runtime/index.ts";
import type { ProcessInfo } from "./process-info.ts";

const two = (value: number) => String(value).padStart(2, "0");

/** `[DD-]HH:MM:SS` */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86400);
  const rest = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return days > 0 ? `${days}-${rest}` : rest;
}

/** `[[DD-]HH:]MM:SS` */
export function elapsed(seconds: number): string {
  const text = clock(seconds);
  return text.startsWith("00:") ? text.slice(3) : text;
}

/** `HH:MM` of today, `Nov21` of this year, else the year. */
export function startText(time: number, now: number): string {
  const [date, today] = [new Date(time), new Date(now)];
  if (date.toDateString() === today.toDateString()) return `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (date.getFullYear() !== today.getFullYear()) return String(date.getFullYear());
  return date.toDateString().slice(4, 10).replace(" ", "");
}

/** Of a device number: `pts/0`, `tty1`, `?` without. Documentation/admin-guide/devices.txt */
export function terminalName(device: number): string {
  if (device === 0) return "?";
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${minor + (major - 136) * 256}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  if (major === 5 && minor === 1) return "console";
  return `${major}:${minor}`;
}

/** `Ss+`: with ps(1)'s letters for priority, sessions, threads and the foreground. */
export function stateText({ state, nice, session, pid, threads, foreground, group }: ProcessInfo): string {
  const priority = nice < 0 ? "<" : nice > 0 ? "N" : "";
  return `${state}${priority}${session === pid ? "s" : ""}${threads > 1 ? "l" : ""}${foreground === group ? "+" : ""}`;
}

/** `CHOWN,KILL` of a mask in hexadecimal, as podman has it; `full` and `none`. */
export function capabilities(mask: string): string {
  if (mask === "") return "?";
  const bits = BigInt(`0x${mask}`);
  const names = ALL_CAPABILITIES.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
  if (names.length === 0) return "none";
  if (names.length === ALL_CAPABILITIES.length) return "full";
  return names.map((name) => name.replace(/^CAP_/, "")).join(",");
}
