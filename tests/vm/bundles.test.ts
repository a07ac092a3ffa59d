/** The limits of bundles, and what the runtime's commands do with a container that has them, as an unprivileged user. */
import { expect } from "bun:test";
import { withBundles } from "./support/bundles.ts";
import { scenarios } from "./support/scenarios.ts";

/** Asks for 64 MiB and writes to all of it. */
const EAT = "dd if=/dev/zero of=/dev/null bs=64M count=1";
const MIB = 1024 * 1024;

const edit = withBundles({
  memory: { script: EAT, resources: { memory: { limit: 32 * MIB } } },
  pids: {
    script: "i=0; while [ $i -lt 20 ]; do sleep 30 & i=$((i+1)); echo started $i; done",
    resources: { pids: { limit: 10 } },
  },
  files: {
    script: "sleep 60",
    resources: {
      memory: { limit: 64 * MIB, reservation: 16 * MIB, swap: 96 * MIB },
      pids: { limit: 20 },
      cpu: { quota: 30_000, period: 100_000, cpus: "1", shares: 512 },
      hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }],
      unified: { "memory.high": String(48 * MIB), "cpu.weight.nice": "3" },
    },
  },
  spin: { script: "while :; do :; done", resources: { cpu: { quota: 20_000, period: 100_000 } } },
  // Eats when it is told to, by a signal.
  waits: {
    script: `trap '${EAT}; echo eaten' USR1; while :; do sleep 1; done`,
    resources: { memory: { limit: 256 * MIB } },
  },
  dies: { script: `trap 'exec ${EAT}' USR1; while :; do sleep 1; done`, resources: { memory: { limit: 32 * MIB } } },
  tree: { script: "sleep 60 & sleep 60 & (sleep 60 & sleep 60) & wait" },
});

const CGROUP = "/sys/fs/cgroup/user/tsbox-";

/** Starts a container with the name of its bundle; what its program prints is in /tmp/NAME.out. */
const start = (
  name: string,
) => `tsbox oci run --detach --bundle /bundles/${name} ${name} >/tmp/${name}.out 2>&1 </dev/null || cat /tmp/${name}.out
`;

/** Prints the files of a container's cgroup, as NAME:VALUE. */
const cgroup = (id: string, ...files: string[]) => `(cd ${CGROUP}${id} && grep -H . ${files.join(" ")})
`;

const LIMITS = [
  "memory.max",
  "memory.low",
  "memory.swap.max",
  "memory.high",
  "pids.max",
  "cpu.max",
  "cpuset.cpus",
  "cpu.weight.nice",
];

scenarios({ kernel: "6.12", edit }, (scenario) => {
  scenario("memory.limit kills", "tsbox run --bundle /bundles/memory m", ({ status }) => expect(status).toBe(137));

  scenario("pids.limit refuses", "tsbox run --bundle /bundles/pids p", ({ output }) => {
    expect(output).toContain("started 9\n");
    expect(output).not.toContain("started 10\n");
  });

  const every = start("files") + cgroup("files", ...LIMITS, "hugetlb.2MB.max", "cpuset.cpus.effective");
  scenario("every kind of limit reaches the kernel", every, ({ output }) => {
    expect(output.trim().split("\n")).toEqual([
      `memory.max:${64 * MIB}`,
      `memory.low:${16 * MIB}`,
      // What config.json gives is memory and swap together.
      `memory.swap.max:${32 * MIB}`,
      `memory.high:${48 * MIB}`,
      "pids.max:20",
      "cpu.max:30000 100000",
      "cpuset.cpus:1",
      "cpu.weight.nice:3",
      `hugetlb.2MB.max:${4 * MIB}`,
      "cpuset.cpus.effective:1",
    ]);
  });

  const resources = '{"memory":{"reservation":1048576},"cpu":{"cpus":"0"},"unified":{"memory.high":"max"}}';
  const update = `tsbox oci update --memory ${128 * MIB} --memory-swap ${128 * MIB} --pids-limit 33 --cpu-quota 50000 files
echo '${resources}' | tsbox oci update --resources - files
${cgroup("files", ...LIMITS)}`;
  scenario("update changes what it is told to, and nothing else", update, ({ output }) => {
    expect(output.trim().split("\n")).toEqual([
      `memory.max:${128 * MIB}`,
      "memory.low:1048576",
      "memory.swap.max:0",
      "memory.high:max",
      "pids.max:33",
      "cpu.max:50000 100000",
      "cpuset.cpus:0",
      "cpu.weight.nice:3",
    ]);
  });

  scenario("events --stats has the kernel's figures", "tsbox oci events --stats files", ({ output }) => {
    const { type, id, data } = JSON.parse(output);
    expect([type, id]).toEqual(["stats", "files"]);
    expect(data.pids).toEqual({ current: 1, limit: 33 });
    expect(data.memory.usage.limit).toBe(128 * MIB);
    expect(data.memory.usage.usage).toBeGreaterThan(4096);
    expect(data.memory.raw.anon).toBeGreaterThan(0);
    expect(data.cpu.usage.total).toBeGreaterThan(0);
  });

  const force = `tsbox oci delete files; tsbox oci delete --force files && ls -d ${CGROUP}files; tsbox oci list --quiet`;
  scenario("delete refuses what runs, delete --force removes it and its cgroup", force, ({ output }) => {
    expect(output).toContain('cannot delete container "files" that is not stopped');
    expect(output).toContain(`${CGROUP}files: No such file or directory\n`);
    expect(output.trim().split("\n")).toHaveLength(2);
  });

  const usage = `grep -E "usage_usec|nr_throttled" ${CGROUP}spin/cpu.stat; `;
  const events = cgroup("spin", "cgroup.events");
  const pause = `${start("spin")} until_in 'nr_throttled \\([6-9]\\|[1-9][0-9]\\)' ${CGROUP}spin/cpu.stat
tsbox oci pause spin; ${usage} sleep 1; ${usage}
used=$(grep usage_usec ${CGROUP}spin/cpu.stat); tsbox oci state spin; ${events} tsbox oci resume spin
until_true sh -c "! grep -qx '$used' ${CGROUP}spin/cpu.stat"; ${usage} ${events} tsbox oci state spin; tsbox oci delete -f spin`;
  scenario("cpu.quota throttles; pause stops everything and resume lets it go on", pause, ({ output }) => {
    const figures = (name: string) =>
      [...output.matchAll(new RegExp(`^${name} (\\d+)$`, "gm"))].map((match) => Number(match[1]));
    const [throttled = 0] = figures("nr_throttled");
    expect(throttled).toBeGreaterThan(5);
    const [paused, later, resumed = 0] = figures("usage_usec");
    expect(later).toBe(paused);
    expect(resumed).toBeGreaterThan(later ?? 0);
    expect(output.match(/frozen \d/g)).toEqual(["frozen 1", "frozen 0"]);
    expect(output.match(/"status": "\w+"/g)).toEqual(['"status": "paused"', '"status": "running"']);
  });

  // The limit is lowered while it runs; then it eats.
  const oom = `${start("waits")} tsbox oci events --interval 1h waits >/tmp/events 2>&1 </dev/null & watcher=$!
until_in . /tmp/events
tsbox oci update --memory ${32 * MIB} waits
tsbox oci kill waits USR1
until_in eaten /tmp/waits.out
until_in oom /tmp/events
tsbox oci delete --force waits
wait $watcher; echo "events ended with $?"
cat /tmp/events; cat /tmp/waits.out`;
  scenario("events reports that memory ran out, and ends with the container", oom, ({ output }) => {
    expect(output).toContain('{"type":"oom","id":"waits"}\n');
    expect(output).toContain("Killed\neaten\n");
    expect(output).toContain("events ended with 0\n");
    expect(output).not.toContain("tsbox:");
  });

  const ends = `${start("dies")} tsbox oci events --interval 1h dies >/tmp/events 2>&1 </dev/null & watcher=$!
until_in . /tmp/events
tsbox oci kill dies USR1
wait $watcher; echo "events ended with $?"
cat /tmp/events; tsbox oci delete dies`;
  scenario("events reports that lack of memory ended the container", ends, ({ output }) => {
    expect(output).toContain('{"type":"oom","id":"dies"}\n');
    expect(output).toContain("events ended with 0\n");
    expect(output).not.toContain("tsbox:");
  });

  const tree = `${start("tree")} until_in '^5$' ${CGROUP}tree/pids.current; cat ${CGROUP}tree/pids.current; tsbox oci ps --format json tree
tsbox oci exec tree cat /proc/self/cgroup
tsbox oci kill --all tree KILL; until_in '^0$' ${CGROUP}tree/pids.current; cat ${CGROUP}tree/pids.current; tsbox oci state tree; tsbox oci delete tree; ls -d ${CGROUP}tree`;
  scenario("ps and exec are in the container's cgroup, and kill --all ends all of it", tree, ({ output }) => {
    const [before, pids = "[]", own, after] = output.split("\n");
    expect([before, after]).toEqual(["5", "0"]);
    expect(JSON.parse(pids)).toHaveLength(5);
    expect(own).toBe("0::/");
    expect(output).toContain('"status": "stopped"');
    expect(output).toContain(`${CGROUP}tree: No such file or directory`);
  });
});
