/** Running CRIU by its command line. criu(8) */
import { TsboxError } from "../../../error.ts";
import { readShortText, readText } from "../../../linux/read-text.ts";

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

const CGROUP_MODES: readonly string[] = ["ignore", "soft", "full", "strict", "none", "cpuset", "props"];

/** Most of a log that is looked at: the failure is told at its end. */
const LOG_END = 64 * 1024;

/** @throws TsboxError `host` when it is not installed */
export function findCriu(verb: string): string {
  const path = Bun.which("criu", { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/local/sbin` });
  if (path !== null) return path;
  throw new TsboxError(
    "host",
    `cannot ${verb}: CRIU does it, and there is no program criu in PATH; install the package criu`,
  );
}

/** @throws TsboxError `usage` */
export function commonFlags(options: CriuOptions): string[] {
  const mode = options.manageCgroupsMode || "soft";
  if (!CGROUP_MODES.includes(mode))
    throw new TsboxError("usage", `cannot use --manage-cgroups-mode=${mode}: it is one of ${CGROUP_MODES.join(", ")}`);
  for (const type of options.emptyNs)
    if (type !== "network") throw new TsboxError("usage", `cannot use --empty-ns=${type}: CRIU can do it for network`);
  const on = (wanted: boolean, flag: string) => (wanted ? [flag] : []);
  return [
    ...["--images-dir", options.imagePath, "--work-dir", options.workPath ?? options.imagePath, "-v4"],
    `--manage-cgroups=${mode}`,
    ...on(options.tcpEstablished, "--tcp-established"),
    ...on(options.extUnixSk, "--ext-unix-sk"),
    ...on(options.shellJob, "--shell-job"),
    ...on(options.fileLocks, "--file-locks"),
    ...on(options.autoDedup, "--auto-dedup"),
    ...on(options.linkRemap, "--link-remap"),
    ...on(options.emptyNs.length > 0, "--empty-ns=net"),
  ];
}

export interface CriuRun {
  readonly verb: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Absolute. */
  readonly log: string;
  /** Descriptors that become 0, 1, 2, 3... of it. */
  readonly descriptors: readonly (number | "ignore")[];
  /** The cgroup in which it runs; its own when undefined. */
  readonly cgroup?: string | undefined;
}

/** Runs it to its end. @throws TsboxError with the reason that its log gives */
export async function runCriu({ verb, program, args, log, descriptors }: CriuRun): Promise<void> {
  const [input = "ignore", output = "ignore", error = "ignore", ...more] = descriptors;
  const child = Bun.spawn([program, ...args], { stdio: [input, output, error, ...more] });
  const status = await child.exited;
  if (status === 0) return;
  throw new TsboxError("host", `cannot ${verb}: criu: ${reasonIn(log, status)} (its log is ${log})`);
}

/** `(00.123456)      1: Error (criu/file.c:12): what` */
function reasonIn(log: string, status: number | null): string {
  let lines: string[];
  try {
    lines = readText(log).slice(-LOG_END).split("\n");
  } catch {
    return readShortText(log) === undefined
      ? `it ended with status ${status} and wrote no log`
      : "its log is unreadable";
  }
  const errors = lines
    .filter((line) => /\bError \(/.test(line))
    .map((line) => line.replace(/^.*?\bError \([^)]*\): /, ""));
  // what comes last says only that it failed
  const reasons = errors.filter((line) => !/^(Dumping|Restoring|Pre-dumping) FAILED/.test(line));
  return (reasons.at(-1) ?? errors.at(-1) ?? `it ended with status ${status}`).trim();
}
