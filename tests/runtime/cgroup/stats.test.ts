import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { statsOf } from "../../../src/runtime/cgroup/stats.ts";
import { temporaryFolder } from "../../support/tmp.ts";

test("the files of a cgroup become what runc's events have", () => {
  using folder = temporaryFolder();
  const files: Record<string, string> = {
    "cpu.stat":
      "usage_usec 100\nuser_usec 60\nsystem_usec 40\nnr_periods 3\nnr_throttled 2\nthrottled_usec 7\nnr_bursts 1\nburst_usec 9\n",
    "cpu.pressure": "some avg10=1.50 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n",
    "memory.stat": "anon 10\nfile 20\n",
    "memory.current": "4096\n",
    "memory.max": "max\n",
    "memory.peak": "8192\n",
    "memory.swap.current": "100\n",
    "memory.swap.max": "9007199254740993\n",
    "pids.current": "4\n",
    "pids.max": "max\n",
    "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16 rbytes=7 cost.usage=3\n7:0\n",
    "hugetlb.2MB.current": "2097152\n",
    "hugetlb.2MB.events": "max 5\n",
    "hugetlb.1GB.current": "0\n",
    "hugetlb.1GB.rsvd.current": "1073741824\n",
    "rdma.current": "mlx5_0 hca_handle=2 hca_object=2000\n",
    "rdma.max": "mlx5_0 hca_handle=3 hca_object=max\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(`${folder.path}/${name}`, text);
  const json = JSON.stringify(statsOf(folder.path));
  const none = "18446744073709551615";
  // exact, though no double holds it
  expect(json).toContain(`"usage":{"limit":${none},"usage":4096,"max":8192,"failcnt":0}`);
  expect(json).toContain(`"swap":{"limit":${none},"usage":4196,`);
  expect(json).toContain('"swap_only_usage":{"limit":9007199254740993,"usage":100,');
  const { cpu, memory, pids, blkio, hugetlb, rdma } = JSON.parse(json);
  expect(cpu).toEqual({
    usage: { total: 100000, user: 60000, kernel: 40000 },
    throttling: { periods: 3, throttledPeriods: 2, throttledTime: 7000 },
    burst: { burstsPeriods: 1, burstTime: 9000 },
    psi: { some: { avg10: 1.5, avg60: 0, avg300: 0, total: 12 }, full: { avg10: 0, avg60: 0, avg300: 0, total: 3 } },
  });
  expect([memory.cache, memory.raw]).toEqual([20, { anon: 10, file: 20 }]);
  expect(pids).toEqual({ current: 4, limit: 0 });
  expect(blkio).toEqual({
    ioServiceBytesRecursive: [
      { major: 8, minor: 0, op: "Read", value: 1 },
      { major: 8, minor: 0, op: "Write", value: 2 },
      { major: 8, minor: 0, op: "Discard", value: 5 },
      { major: 8, minor: 16, op: "Read", value: 7 },
    ],
    ioServicedRecursive: [
      { major: 8, minor: 0, op: "Read", value: 3 },
      { major: 8, minor: 0, op: "Write", value: 4 },
      { major: 8, minor: 0, op: "Discard", value: 6 },
    ],
  });
  expect(hugetlb).toEqual({ "2MB": { usage: 2097152, failcnt: 5 }, "1GB": { usage: 1073741824, failcnt: 0 } });
  expect(rdma.current).toEqual([{ device: "mlx5_0", hcaHandles: 2, hcaObjects: 2000 }]);
});
