/** What a cgroup uses, in the shape of runc's `events --stats` (types/events of runc): others parse it. cgroup-v2.rst. */
import { listFolder } from "../../linux/directory.ts";
import { readShortText } from "../../linux/read-text.ts";
import { readFlat, readWords } from "./files.ts";

/** An unsigned number of 64 bits, as the digits that the kernel wrote: readers parse it as such, and a double would round. */
type Count = number | object;

/** What "no limit" is for runc: the largest number of 64 bits. */
const NO_LIMIT = "18446744073709551615";

// typescript's library does not have it yet (ECMAScript "JSON.parse source text access"); Bun does
declare global {
  interface JSON {
    rawJSON(text: string): object;
  }
}

function count(text: string | undefined): Count {
  const digits = text === "max" ? NO_LIMIT : (text ?? "0");
  if (!/^[0-9]+$/.test(digits)) return 0;
  return digits.length < 16 ? Number(digits) : JSON.rawJSON(BigInt(digits).toString());
}

function sum(...texts: (string | undefined)[]): Count {
  if (texts.includes("max")) return count("max");
  return count(texts.reduce((total, text) => total + BigInt(text ?? 0), 0n).toString());
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` and `full ...`; undefined without PSI. */
function pressure(path: string): { psi?: object } {
  const lines = (readShortText(path) ?? "").split("\n").filter(Boolean);
  if (lines.length === 0) return {};
  const parse = (line: string) => {
    const [name = "", ...pairs] = line.split(" ");
    return [name, Object.fromEntries(pairs.map((pair) => pair.split("=")).map(([key, value]) => [key, Number(value)]))];
  };
  return { psi: Object.fromEntries(lines.map(parse)) };
}

function cpu(path: string): object {
  const stat = readFlat(`${path}/cpu.stat`);
  const nanoseconds = (key: string) => (stat[key] ?? 0) * 1000;
  return {
    usage: { total: nanoseconds("usage_usec"), kernel: nanoseconds("system_usec"), user: nanoseconds("user_usec") },
    throttling: {
      periods: stat.nr_periods ?? 0,
      throttledPeriods: stat.nr_throttled ?? 0,
      throttledTime: nanoseconds("throttled_usec"),
    },
    ...(stat.nr_bursts === undefined
      ? {}
      : { burst: { burstsPeriods: stat.nr_bursts, burstTime: nanoseconds("burst_usec") } }),
    ...pressure(`${path}/cpu.pressure`),
  };
}

function memory(path: string): object {
  const raw = readFlat(`${path}/memory.stat`);
  const word = (file: string) => readWords(`${path}/${file}`)[0];
  const [current, limit, swap, swapLimit] = [
    "memory.current",
    "memory.max",
    "memory.swap.current",
    "memory.swap.max",
  ].map(word);
  return {
    cache: raw.file ?? 0,
    usage: { limit: count(limit), usage: count(current), max: count(word("memory.peak")), failcnt: 0 },
    // memory and swap together, as cgroup v1 counted
    swap: { limit: swapLimit === undefined ? 0 : sum(swapLimit, limit), usage: sum(swap, current), max: 0, failcnt: 0 },
    swap_only_usage: { limit: count(swapLimit), usage: count(swap), max: count(word("memory.swap.peak")), failcnt: 0 },
    kernel: { failcnt: 0 },
    kernelTCP: { failcnt: 0 },
    raw,
    ...pressure(`${path}/memory.pressure`),
  };
}

const IO_FIELDS: Readonly<
  Record<string, readonly [list: "ioServiceBytesRecursive" | "ioServicedRecursive", op: string]>
> = {
  rbytes: ["ioServiceBytesRecursive", "Read"],
  wbytes: ["ioServiceBytesRecursive", "Write"],
  dbytes: ["ioServiceBytesRecursive", "Discard"],
  rios: ["ioServicedRecursive", "Read"],
  wios: ["ioServicedRecursive", "Write"],
  dios: ["ioServicedRecursive", "Discard"],
};

/** io.stat: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`. */
function blkio(path: string): object {
  const lists: Record<string, object[]> = {};
  for (const line of (readShortText(`${path}/io.stat`) ?? "").split("\n")) {
    const [device = "", ...pairs] = line.split(" ");
    const [major, minor] = device.split(":").map(Number);
    if (minor === undefined) continue;
    for (const pair of pairs) {
      const [key = "", value] = pair.split("=");
      const field = IO_FIELDS[key];
      if (field === undefined) continue;
      const [list, op] = field;
      lists[list] ??= [];
      lists[list].push({ major, minor, op, value: count(value) });
    }
  }
  return { ...lists, ...pressure(`${path}/io.pressure`) };
}

function hugetlb(path: string, files: readonly string[]): Record<string, object> {
  const sizes = files.flatMap((name) => /^hugetlb\.([0-9]+[KMG]B)\.current$/.exec(name)?.[1] ?? []);
  const one = (size: string) => {
    const reserved = files.includes(`hugetlb.${size}.rsvd.current`) ? ".rsvd" : "";
    return {
      usage: count(readWords(`${path}/hugetlb.${size}${reserved}.current`)[0]),
      failcnt: readFlat(`${path}/hugetlb.${size}.events`).max ?? 0,
    };
  };
  return Object.fromEntries(sizes.map((size) => [size, one(size)]));
}

/** rdma.current and rdma.max: `mlx4_0 hca_handle=2 hca_object=2000`. */
function rdma(path: string): object[] {
  const lines = (readShortText(path) ?? "").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [device, ...pairs] = line.split(" ");
    const values = Object.fromEntries(pairs.map((pair) => pair.split("=")));
    return { device, hcaHandles: count(values.hca_handle), hcaObjects: count(values.hca_object) };
  });
}

/** The `data` of an event of type `stats`; controllers that are not enabled count nothing. Times in nanoseconds, sizes in bytes. */
export function statsOf(path: string): object {
  const files = listFolder(Buffer.from(path).toString("latin1")).map(({ name }) => name);
  const [current, limit] = ["pids.current", "pids.max"].map((file) => readWords(`${path}/${file}`)[0]);
  return {
    cpu: cpu(path),
    cpuset: {},
    memory: memory(path),
    // 0 is "no limit" here
    pids: { current: count(current), limit: limit === "max" ? 0 : count(limit) },
    blkio: blkio(path),
    hugetlb: hugetlb(path, files),
    ...(files.includes("rdma.current")
      ? { rdma: { current: rdma(`${path}/rdma.current`), limit: rdma(`${path}/rdma.max`) } }
      : {}),
    intel_rdt: {},
    network_interfaces: null,
  };
}
