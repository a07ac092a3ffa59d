/** What the flags of limits mean, which `run`, `create` and `update` have in common. `run` loads this when it has one of them. */
import { parseBytes, parseCpus } from "../container/flags/index.ts";
import { TsboxError } from "../error.ts";
import type { LinuxCPU, LinuxMemory, LinuxResources } from "../oci/index.ts";
import { last, type ParsedArgs } from "./args.ts";

/** @throws TsboxError `usage` */
export function readLimits(args: ParsedArgs): LinuxResources {
  const memory: LinuxMemory = defined({
    limit: bytes(args, "memory"),
    swap: bytes(args, "memory-swap"),
    reservation: bytes(args, "memory-reservation"),
  });
  const cpus = last(args, "cpus");
  if (cpus !== undefined && (last(args, "cpu-quota") ?? last(args, "cpu-period")) !== undefined)
    throw new TsboxError("usage", "cannot use --cpus with --cpu-quota or --cpu-period: both say the same");
  const cpu: LinuxCPU = defined({
    shares: whole(args, "cpu-shares"),
    period: whole(args, "cpu-period"),
    quota: whole(args, "cpu-quota"),
    cpus: last(args, "cpuset-cpus"),
    mems: last(args, "cpuset-mems"),
    ...(cpus === undefined ? {} : parseCpus(cpus)),
  });
  const pids = whole(args, "pids-limit");
  const weight = whole(args, "blkio-weight");
  return {
    ...(Object.keys(memory).length === 0 ? {} : { memory }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(pids === undefined ? {} : { pids: { limit: pids === 0 ? -1 : pids } }),
    ...(weight === undefined ? {} : { blockIO: { weight } }),
  };
}

/** The limits of a container that is yet to be made. @throws TsboxError `usage`, as Docker, for what contradicts itself */
export function readFirstLimits(args: ParsedArgs): LinuxResources {
  const resources = withoutNone(readLimits(args));
  const { memory } = resources;
  if (memory === undefined) return resources;
  const { limit, swap, reservation } = memory;
  if (swap !== undefined && limit === undefined)
    throw new TsboxError("usage", "cannot use --memory-swap without --memory: it limits both together");
  if (limit === undefined || limit <= 0) return resources;
  if (swap !== undefined && swap > 0 && swap < limit)
    throw new TsboxError("usage", "cannot use a --memory-swap that is less than --memory: it limits both together");
  if (reservation !== undefined && reservation > limit)
    throw new TsboxError("usage", "cannot use a --memory-reservation that is more than --memory");
  // as Docker: as much swap again, unless said otherwise
  return { ...resources, memory: { ...memory, swap: swap || limit * 2 } };
}

/** A container without any limit needs no cgroup: `--pids-limit=-1` and `--memory=0` only take away what a file of defaults says. */
function withoutNone({ memory, pids, ...others }: LinuxResources): LinuxResources {
  const { limit, ...rest } = memory ?? {};
  const kept: LinuxMemory = limit === undefined || limit <= 0 ? rest : { ...rest, limit };
  const limited: LinuxResources = { ...(Object.keys(kept).length === 0 ? {} : { memory: kept }), ...others };
  if (pids?.limit === undefined || (pids.limit <= 0 && Object.keys(limited).length === 0)) return limited;
  return { ...limited, pids };
}

/** Without what is undefined, which would overwrite. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T; // cast: a part of T, whose fields are optional
}

function bytes(args: ParsedArgs, name: string): number | undefined {
  const text = last(args, name);
  if (text === "-1") return -1;
  return text === undefined ? undefined : parseBytes(text, `--${name}`);
}

function whole(args: ParsedArgs, name: string): number | undefined {
  const text = last(args, name);
  return text === undefined ? undefined : wholeNumber(text, name);
}

/** @throws TsboxError `usage` */
export function wholeNumber(text: string, name: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new TsboxError("usage", `cannot use --${name} ${text}: it is not a number`);
}

/** @throws TsboxError `usage` */
export function parseOomScore(text: string): number {
  const score = wholeNumber(text, "oom-score-adj");
  if (score >= -1000 && score <= 1000) return score;
  throw new TsboxError("usage", `cannot use --oom-score-adj ${text}: it is not between -1000 and 1000`);
}

/** `0077`, in the digits of chmod. @throws TsboxError `usage` */
export function parseUmask(text: string): number {
  if (/^0?[0-7]{1,3}$/.test(text)) return Number.parseInt(text, 8);
  throw new TsboxError("usage", `cannot use --umask ${text}: it is not an octal number such as 0022`);
}
