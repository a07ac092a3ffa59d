/** The columns of `top`: ps(1)'s, and podman's descriptors. */
import { readShortText } from "../../linux/read-text.ts";
import type { Accounts } from "./accounts.ts";
import { idsOf, type ProcessInfo, TICKS } from "./process-info.ts";
import { capabilities, clock, elapsed, startText, stateText, terminalName } from "./texts.ts";

export interface View {
  readonly accounts: Accounts;
  /** Of the host's start, milliseconds since 1970. */
  readonly boot: number;
  readonly now: number;
  /** Bytes of the host. */
  readonly memory: number;
  /** A pid as the container's own programs see it; 0 for one outside. */
  readonly inside: (pid: number) => number;
}

export interface Column {
  readonly heading: string;
  readonly text: (info: ProcessInfo, view: View) => string;
}

const started = (info: ProcessInfo, { boot }: View) => boot + (info.startTime * 1000) / TICKS;
const age = (info: ProcessInfo, view: View) => Math.max(view.now - started(info, view), 1) / 1000;
const percent = (info: ProcessInfo, view: View) => (info.ticks / TICKS / age(info, view)) * 100;
const command = ({ args, comm }: ProcessInfo) => (args.length === 0 ? `[${comm}]` : args.join(" "));
const word = (name: string) => (info: ProcessInfo) => info.status.get(name) ?? "?";

const column = (heading: string, text: Column["text"]): Column => ({ heading, text });
const user = (heading: string, which: "real" | "effective") =>
  column(heading, (info, { accounts }) => accounts.inside("uid", idsOf(info, "Uid")[which]));
const group = (heading: string, which: "real" | "effective") =>
  column(heading, (info, { accounts }) => accounts.inside("gid", idsOf(info, "Gid")[which]));
const caps = (heading: string, name: string) => column(heading, (info) => capabilities(info.status.get(name) ?? ""));

/** What both have under one name. Users and groups are the container's own. */
const COMMON: Readonly<Record<string, Column>> = {
  user: user("USER", "effective"),
  ruser: user("RUSER", "real"),
  group: group("GROUP", "effective"),
  rgroup: group("RGROUP", "real"),
  pcpu: column("%CPU", (info, view) => percent(info, view).toFixed(1)),
  time: column("TIME", ({ ticks }) => clock(ticks / TICKS)),
  etime: column("ELAPSED", (info, view) => elapsed(age(info, view))),
  tty: column("TT", ({ terminal }) => terminalName(terminal)),
  nice: column("NI", ({ nice }) => String(nice)),
  vsz: column("VSZ", ({ virtual }) => String(Math.round(virtual / 1024))),
  rss: column("RSS", ({ resident }) => String(resident / 1024)),
  comm: column("COMMAND", ({ comm }) => comm),
  args: column("COMMAND", command),
  label: column("LABEL", ({ pid }) => (readShortText(`/proc/${pid}/attr/current`) ?? "").replace(/\0?\n?$/, "") || "-"),
  seccomp: column(
    "SECCOMP",
    ({ status }) => ["disabled", "strict", "filter"][Number(status.get("Seccomp") ?? 0)] ?? "?",
  ),
};

/** Of ps(1), as `-o` names them. Pids are the host's, as Docker's are: they can be given to kill(1). */
export const PS_COLUMNS: Readonly<Record<string, Column>> = {
  ...COMMON,
  pid: column("PID", ({ pid }) => String(pid)),
  ppid: column("PPID", ({ parent }) => String(parent)),
  pgid: column("PGID", ({ group }) => String(group)),
  pgrp: column("PGRP", ({ group }) => String(group)),
  sid: column("SID", ({ session }) => String(session)),
  sess: column("SESS", ({ session }) => String(session)),
  uid: column("UID", (info, { accounts }) => String(accounts.number("uid", idsOf(info, "Uid").effective))),
  gid: column("GID", (info, { accounts }) => String(accounts.number("gid", idsOf(info, "Gid").effective))),
  euser: user("EUSER", "effective"),
  egroup: group("EGROUP", "effective"),
  c: column("C", (info, view) => String(Math.min(Math.floor(percent(info, view)), 99))),
  "%cpu": column("%CPU", (info, view) => percent(info, view).toFixed(1)),
  pmem: column("%MEM", ({ resident }, { memory }) => ((resident * 100) / memory).toFixed(1)),
  "%mem": column("%MEM", ({ resident }, { memory }) => ((resident * 100) / memory).toFixed(1)),
  cputime: column("TIME", ({ ticks }) => clock(ticks / TICKS)),
  etimes: column("ELAPSED", (info, view) => String(Math.floor(age(info, view)))),
  stime: column("STIME", (info, view) => startText(started(info, view), view.now)),
  start: column("START", (info, view) => startText(started(info, view), view.now)),
  lstart: column("STARTED", (info, view) => new Date(started(info, view)).toString().slice(0, 24)),
  tt: column("TT", ({ terminal }) => terminalName(terminal)),
  tname: column("TTY", ({ terminal }) => terminalName(terminal)),
  ni: column("NI", ({ nice }) => String(nice)),
  pri: column("PRI", ({ priority }) => String(39 - priority)),
  nlwp: column("NLWP", ({ threads }) => String(threads)),
  thcount: column("THCNT", ({ threads }) => String(threads)),
  s: column("S", ({ state }) => state),
  state: column("S", ({ state }) => state),
  stat: column("STAT", stateText),
  rssize: column("RSS", ({ resident }) => String(resident / 1024)),
  vsize: column("VSZ", ({ virtual }) => String(Math.round(virtual / 1024))),
  ucmd: column("CMD", ({ comm }) => comm),
  cmd: column("CMD", command),
  command: column("COMMAND", command),
};

/** podman's descriptors: pids are the container's own, and `h` stands before what is the host's. */
export const DESCRIPTORS: Readonly<Record<string, Column>> = {
  ...COMMON,
  tty: column("TTY", ({ terminal }) => terminalName(terminal)),
  pid: column("PID", ({ pid }, { inside }) => String(inside(pid))),
  ppid: column("PPID", ({ parent }, { inside }) => String(inside(parent))),
  pgid: column("PGID", ({ group }, { inside }) => String(inside(group))),
  hpid: column("HPID", ({ pid }) => String(pid)),
  huser: column("HUSER", (info, { accounts }) => accounts.outside("uid", idsOf(info, "Uid").effective)),
  hgroup: column("HGROUP", (info, { accounts }) => accounts.outside("gid", idsOf(info, "Gid").effective)),
  uid: column("UID", (info, { accounts }) => String(accounts.number("uid", idsOf(info, "Uid").effective))),
  huid: column("HUID", (info) => String(idsOf(info, "Uid").effective)),
  groups: column("GROUPS", (info, { accounts }) =>
    word("Groups")(info)
      .split(/\s+/)
      .filter(Boolean)
      .map((id) => accounts.inside("gid", Number(id)))
      .join(","),
  ),
  state: column("STATE", ({ state }) => state),
  stime: column("STIME", (info, view) => startText(started(info, view), view.now)),
  capbnd: caps("BOUNDING CAPS", "CapBnd"),
  capeff: caps("EFFECTIVE CAPS", "CapEff"),
  capinh: caps("INHERITED CAPS", "CapInh"),
  capprm: caps("PERMITTED CAPS", "CapPrm"),
  capamb: caps("AMBIENT CAPS", "CapAmb"),
};

const named = (name: string, heading: string): Column => ({ ...(PS_COLUMNS[name] as Column), heading }); // cast: the names below are there

/** `ps -ef`, which is what Docker shows. */
export const FULL: readonly Column[] = [
  named("user", "UID"),
  ...["pid", "ppid", "c", "stime"].map((name) => named(name, name.toUpperCase())),
  named("tname", "TTY"),
  named("time", "TIME"),
  named("cmd", "CMD"),
];

/** `ps -e` */
export const SHORT: readonly Column[] = [
  named("pid", "PID"),
  named("tname", "TTY"),
  named("time", "TIME"),
  named("ucmd", "CMD"),
];

/** `ps aux` */
export const BSD: readonly Column[] = [
  ...["user", "pid", "%cpu", "%mem", "vsz", "rss"].map((name) => named(name, name.toUpperCase())),
  named("tname", "TTY"),
  ...["stat", "start"].map((name) => named(name, name.toUpperCase())),
  named("time", "TIME"),
  named("command", "COMMAND"),
];
