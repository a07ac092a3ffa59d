/**
 * Asking CRIU: it runs as `criu swrk FD`, is sent one request and answers when it is done; in between it tells how far it is and
 * waits for leave to go on. The numbers are those of rpc.proto, which CRIU installs.
 */
import { TsboxError } from "../../../error.ts";
import { AT_FDCWD, CLONE_NEWNET, O_CLOEXEC, O_DIRECTORY, SYS } from "../../../linux/abi.gen.ts";
import { check } from "../../../linux/errno.ts";
import { readText } from "../../../linux/read-text.ts";
import { cstring, syscall } from "../../../linux/syscall.ts";
import { makeFolders } from "../../../linux/write-text.ts";
import { packetPair, receivePacket, sendPacket } from "./packet.ts";
import { criuPath } from "./program.ts";
import { decodeMessage, encodeMessage } from "./protobuf.ts";

/** Flags that `checkpoint` and `restore` share, by runc's names. */
export interface CriuOptions {
  /** Folder of the images; absolute. */
  readonly imagePath: string;
  /** Folder of logs; the images' when undefined. */
  readonly workPath: string | undefined;
  readonly tcpEstablished: boolean;
  readonly extUnixSk: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly autoDedup: boolean;
  readonly linkRemap: boolean;
  readonly manageCgroupsMode: string | undefined;
  /** Types of namespaces that are made anew instead of being dumped. */
  readonly emptyNs: readonly string[];
}

export type Fields = Parameters<typeof encodeMessage>[0];

/** criu_req_type */
export const REQUEST = { dump: 1, restore: 2, preDump: 4, notify: 6 } as const;

/** criu_cg_mode */
const CGROUP_MODES: Readonly<Record<string, number>> = { ignore: 0, none: 1, props: 2, soft: 3, full: 4, strict: 5 };

/** Where the socket is in CRIU: behind the standard streams. */
const SOCKET = 3;

/** The first descriptor of {@link CriuCall.more}. */
export const FIRST_DESCRIPTOR = 4;

/** Most of a log that is looked at: the failure is told at its end. */
const LOG_END = 64 * 1024;

export interface CriuCall {
  readonly type: (typeof REQUEST)[keyof typeof REQUEST];
  /** For messages: `restore container "box"`. */
  readonly verb: string;
  readonly program: string;
  readonly options: CriuOptions;
  readonly logName: "dump.log" | "restore.log";
  /** criu_opts beside what {@link CriuOptions} says. */
  readonly fields: Fields;
  /** Standard streams of what is restored; none when undefined. */
  readonly streams?: boolean;
  /** Descriptors that are 4, 5, ... in CRIU. */
  readonly more?: readonly number[];
  /** Told how far it is; CRIU gives up when it throws. The descriptor is the callee's to close. */
  readonly onStep?: (step: string, pid: number, fd: number | undefined) => Promise<void>;
}

/** @throws TsboxError `host` when it is not installed */
export function findCriu(verb: string): string {
  const path = criuPath();
  if (path !== undefined) return path;
  throw new TsboxError(
    "host",
    `cannot ${verb}: CRIU does it, and there is no program criu in PATH; install the package criu`,
  );
}

/** @throws TsboxError `usage` */
function commonFields(options: CriuOptions): Fields {
  const mode = options.manageCgroupsMode || "soft";
  if (!Object.hasOwn(CGROUP_MODES, mode)) {
    const names = Object.keys(CGROUP_MODES).join(", ");
    throw new TsboxError("usage", `cannot use --manage-cgroups-mode=${mode}: it is one of ${names}`);
  }
  for (const type of options.emptyNs)
    if (type !== "network") throw new TsboxError("usage", `cannot use --empty-ns=${type}: CRIU can do it for network`);
  return [
    [4, options.extUnixSk],
    [5, options.tcpEstablished],
    [7, options.shellJob],
    [8, options.fileLocks],
    [16, options.autoDedup],
    [18, options.linkRemap],
    [24, true],
    [34, CGROUP_MODES[mode]],
    [38, options.emptyNs.length > 0 ? CLONE_NEWNET : undefined],
    // the other end of a container's terminal is not in the container
    [50, true],
  ];
}

/** @returns the pid of what was restored, else 0. @throws TsboxError with the reason that CRIU's log gives */
export async function callCriu(call: CriuCall): Promise<number> {
  const { type, program, options, logName, onStep } = call;
  const common = commonFields(options);
  const { imagePath, workPath = imagePath } = options;
  const opened = new Set<number>();
  const close = (fd: number) => {
    if (opened.delete(fd)) syscall(SYS.close, fd);
  };
  const folder = (path: string) => {
    makeFolders(path, 0o700);
    const fd = check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), O_DIRECTORY | O_CLOEXEC), path);
    opened.add(fd);
    return fd;
  };
  try {
    const request = encodeMessage([
      [1, folder(imagePath)],
      [17, folder(workPath)],
      [9, 4],
      [10, logName],
      [12, onStep !== undefined],
      ...common,
      ...call.fields,
    ]);
    const [ours, theirs] = packetPair();
    opened.add(ours).add(theirs);
    const stream = call.streams === true ? ("inherit" as const) : ("ignore" as const);
    const child = Bun.spawn([program, "swrk", String(SOCKET)], {
      stdio: [stream, stream, stream, theirs, ...(call.more ?? [])],
    });
    close(theirs);
    sendPacket(
      ours,
      encodeMessage([
        [1, type],
        [2, request],
      ]),
    );
    const answer = await converse(ours, onStep);
    close(ours);
    await child.exited;
    if (answer !== undefined) return answer;
    throw new TsboxError("host", `cannot ${call.verb}: criu: ${reasonIn(`${workPath}/${logName}`)}`);
  } finally {
    for (const fd of opened) close(fd);
  }
}

/** @returns undefined when it failed. @throws what a step throws */
async function converse(socket: number, onStep: CriuCall["onStep"]): Promise<number | undefined> {
  for (;;) {
    const packet = receivePacket(socket);
    if (packet === undefined) return undefined;
    const answer = decodeMessage(packet.bytes);
    if (answer.get(1) !== REQUEST.notify) {
      if (packet.fd !== undefined) syscall(SYS.close, packet.fd);
      if (answer.get(2) !== 1) return undefined;
      const restored = answer.get(4);
      return restored instanceof Uint8Array ? Number(decodeMessage(restored).get(1) ?? 0) : 0;
    }
    const step = answer.get(5);
    const said = step instanceof Uint8Array ? decodeMessage(step) : new Map<number, number | Uint8Array>();
    const name = said.get(1);
    const goOn = (yes: boolean) =>
      sendPacket(
        socket,
        encodeMessage([
          [1, REQUEST.notify],
          [3, yes],
        ]),
      );
    try {
      const text = name instanceof Uint8Array ? new TextDecoder().decode(name) : "";
      await onStep?.(text, Number(said.get(2) ?? 0), packet.fd);
    } catch (error) {
      goOn(false);
      // until it has cleaned up
      while (receivePacket(socket) !== undefined);
      throw error;
    }
    goOn(true);
  }
}

/** `(00.123456)      1: Error (criu/file.c:12): what` */
function reasonIn(log: string): string {
  let lines: string[];
  try {
    lines = readText(log).slice(-LOG_END).split("\n");
  } catch {
    return "it wrote no log";
  }
  const errors = lines
    .filter((line) => /\bError \(/.test(line))
    .map((line) => line.replace(/^.*?\bError \([^)]*\): /, "").trim())
    // what comes last says only that it failed; the device is missed while CRIU looks what the kernel has
    .filter((line) => !/FAILED\.?$/.test(line) && !line.startsWith("tun: "));
  const reason = errors.length === 0 ? "it gave up" : errors.slice(-3).join("; ");
  return `${reason} (its log is ${log})`;
}
