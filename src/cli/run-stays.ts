/** Flags of `tsbox run` that matter to containers that stay: restarting, logging, health. */
import type { HealthOptions, LogOptions, RestartPolicy, RunOptions } from "../container/index.ts";
import { TsboxError } from "../error.ts";
import { all, isOn, last, type ParsedArgs } from "./args.ts";

/** `no`, `on-failure[:N]`, `always` or `unless-stopped`. @throws TsboxError `usage` */
export function parseRestart(text: string): RestartPolicy {
  const [name = "", count] = text.split(":");
  const fail = (reason: string) => new TsboxError("usage", `cannot use --restart ${text}: ${reason}`);
  if (name !== "no" && name !== "on-failure" && name !== "always" && name !== "unless-stopped")
    throw fail("it is not one of no, on-failure[:N], always, unless-stopped");
  if (count === undefined) return { name, maximum: 0 };
  if (name !== "on-failure" || !/^\d+$/.test(count)) throw fail("only on-failure takes a number");
  return { name, maximum: Number(count) };
}

/** Flags that could not do what they are for, with others that were typed. @throws TsboxError `usage` */
export function refuseIdle({ flags, typed = flags }: ParsedArgs): void {
  const refuse = (flag: string, reason: string) => new TsboxError("usage", `cannot use ${flag}: ${reason}`);
  const isTyped = (name: string) => typed.has(name) && typed.get(name)?.at(-1) !== "false";
  if (isTyped("rootfs")) {
    const ofImages = ["pull", "platform", "storage-driver", "authfile", "cert-dir", "tls-verify"];
    const flag = ofImages.find((name) => typed.has(name));
    if (flag !== undefined) throw refuse(`--${flag} with --rootfs`, "it is for images, and there is none");
  }
  if (isTyped("replace") && !flags.has("name"))
    throw refuse("--replace without --name", "it removes the container that has the name");
  if (isTyped("detach-keys") && isTyped("detach"))
    throw refuse("--detach-keys with -d", "nobody is attached; tsbox attach has keys of its own");
  if (isTyped("detach-keys") && flags.get("tty")?.at(-1) !== "true")
    throw refuse("--detach-keys without -t", "there is no terminal to type them on");
  const policy = typed.get("restart")?.at(-1);
  if (isTyped("rm") && policy !== undefined && parseRestart(policy).name !== "no")
    throw refuse("--rm with --restart", "what is removed cannot be started again");
}

/** `--passwd`, `--passwd-entry`, `--group-entry`. @throws TsboxError `usage` */
export function readAccounts(args: ParsedArgs): RunOptions["accounts"] {
  const entry = (flag: string) => {
    const text = last(args, flag);
    if (text !== undefined && /[\n\r\0]/.test(text))
      throw new TsboxError("usage", `cannot use --${flag} ${JSON.stringify(text)}: it is more than one line`);
    return text || undefined;
  };
  const [passwd, group] = [entry("passwd-entry"), entry("group-entry")];
  if (last(args, "passwd") !== "false") return { passwd, group };
  if (passwd === undefined && group === undefined) return false;
  throw new TsboxError(
    "usage",
    "cannot use --passwd-entry or --group-entry with --passwd=false: nothing is added then",
  );
}

/** @throws TsboxError `usage` */
export function parseSeconds(text: string, flag: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new TsboxError("usage", `cannot use ${flag} ${text}: it is not a number of seconds`);
}

const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's durations: `1m30s`, `500ms`. @returns milliseconds. @throws TsboxError `usage` */
export function parseDuration(text: string, flag: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/gy)];
  if (text === "0") return 0;
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text)
    throw new TsboxError("usage", `cannot use ${flag} ${text}: it is not a duration such as 30s or 1m30s`);
  return Math.round(parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0), 0));
}

const OPTIONS = {
  "json-file": "json-file has the options max-size and max-file",
  journald: "journald has the option tag",
  none: "none has no options",
};

/** `--log-driver` and `--log-opt`. @throws TsboxError `usage` */
export function readLog(args: ParsedArgs): LogOptions {
  const named = last(args, "log-driver") ?? "json-file";
  // podman's names for a file that `logs` reads
  const driver = named === "k8s-file" || named === "local" ? "json-file" : named;
  if (driver !== "json-file" && driver !== "journald" && driver !== "none")
    throw new TsboxError("usage", `cannot use --log-driver ${named}: it is not one of json-file, journald, none`);
  let maxSize = 0;
  let maxFile = 1;
  let tag: string | undefined;
  const { parseBytes } = require("../container/flags/index.ts") as typeof import("../container/flags/index.ts");
  for (const option of all(args, "log-opt")) {
    const at = option.indexOf("=");
    const [name, value] = at < 0 ? [option, ""] : [option.slice(0, at), option.slice(at + 1)];
    const fail = (reason: string) => new TsboxError("usage", `cannot use --log-opt ${option}: ${reason}`);
    if (name === "max-size" && driver === "json-file")
      maxSize = value === "-1" ? 0 : parseBytes(value, "--log-opt max-size");
    else if (name === "max-file" && driver === "json-file") {
      if (!/^[1-9]\d{0,3}$/.test(value)) throw fail("expected a number of files");
      maxFile = Number(value);
    } else if (name === "tag" && value !== "" && driver === "journald") tag = value;
    else throw fail(OPTIONS[driver]);
  }
  // a size that the configuration has for all logs makes none where there would be none
  const asked = args.flags.has("log-driver") || (args.typed ?? args.flags).has("log-opt");
  return { driver, maxSize, maxFile, tag, asked };
}

/** @throws TsboxError `usage` */
export function readHealth(args: ParsedArgs): HealthOptions {
  const command = last(args, "health-cmd");
  const duration = (name: string) => {
    const text = last(args, name);
    return text === undefined ? undefined : parseDuration(text, `--${name}`);
  };
  const retries = last(args, "health-retries");
  if (retries !== undefined && !/^\d+$/.test(retries))
    throw new TsboxError("usage", `cannot use --health-retries ${retries}: it is not a number`);
  const off = isOn(args, "no-healthcheck");
  const typed = [...(args.typed ?? args.flags).keys()].filter((name) => name.startsWith("health-"));
  if (off && typed.length > 0) throw new TsboxError("usage", `cannot use --no-healthcheck with --${typed[0]}`);
  return {
    asked: !off && (command !== undefined || typed.length > 0),
    test: off ? ["NONE"] : command === undefined ? undefined : healthTest(command),
    interval: duration("health-interval"),
    timeout: duration("health-timeout"),
    startPeriod: duration("health-start-period"),
    startInterval: duration("health-start-interval"),
    retries: retries === undefined ? undefined : Number(retries),
  };
}

/** As podman: a JSON array is a command line, `none` switches it off, anything else is for the shell. */
function healthTest(text: string): readonly string[] {
  if (text === "none") return ["NONE"];
  if (!text.trimStart().startsWith("[")) return ["CMD-SHELL", text];
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words) && words.every((word) => typeof word === "string")) {
      return words[0] === "CMD" || words[0] === "CMD-SHELL" || words[0] === "NONE" ? words : ["CMD", ...words];
    }
  } catch {}
  throw new TsboxError("usage", `cannot use --health-cmd ${text}: it is not an array of strings`);
}

/** Lines `NAME=VALUE` or `NAME`; empty ones and those that begin with # are passed over. @throws TsboxError `not-found`, `usage` */
export function readLabelFiles(paths: readonly string[]): Record<string, string> {
  const { parsePair, readFlagFile } =
    require("../container/flags/index.ts") as typeof import("../container/flags/index.ts");
  const labels: Record<string, string> = {};
  for (const path of paths) {
    for (const line of readFlagFile(path, "--label-file")
      .split("\n")
      .map((text) => text.trimStart())) {
      if (line === "" || line.startsWith("#")) continue;
      const [name, value] = parsePair(line, `--label-file ${path}:`);
      labels[name] = value;
    }
  }
  return labels;
}
