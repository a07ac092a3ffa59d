/**
 * `checkpoint` and `restore` with CRIU, whose Debian 12 version cannot read the vDSO of kernels as new as this machine's may be:
 * so in a virtual machine with Debian 12's own kernel.
 */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { program, TEST_PATH } from "../support/skip.ts";
import { withBundles } from "./support/bundles.ts";
import type { CpioEntry } from "./support/cpio.ts";
import { librariesOf } from "./support/guest.ts";
import { scenarios } from "./support/scenarios.ts";

const COUNT = "i=0; while [ $i -lt 120 ]; do i=$((i+1)); echo $i; echo $i >/tmp/count; sleep 0.1; done; exit 7";
const ANSWER = 'n=0; while read line; do n=$((n+1)); echo "$n: $line"; [ "$line" = end ] && exit 5; done';

/** Dumping a network namespace takes more programs than the machine has. */
const sharedNetwork = (config: { linux: { namespaces: { type: string }[] } }) => {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network");
};

const bundles = withBundles({
  counter: {
    root: true,
    script: COUNT,
    edit: (config) => {
      sharedNetwork(config);
      Object.assign(config.linux, { maskedPaths: ["/proc/keys", "/proc/acpi"], readonlyPaths: ["/proc/sys"] });
      config.mounts.push(
        { destination: "/tmp", type: "tmpfs", source: "tmpfs" },
        { destination: "/etc", type: "bind", source: "/etc", options: ["rbind", "ro"] },
      );
    },
  },
  terminal: {
    root: true,
    script: ANSWER,
    edit: (config) => {
      sharedNetwork(config);
      config.process.terminal = true;
    },
  },
});

/** CRIU, and GNU's tar, which it calls for what is in a tmpfs; busybox's does not know the flags. */
function withCriu(files: CpioEntry[]): CpioEntry[] {
  const have = new Set(files.map(({ path }) => path));
  const added = new Map<string, CpioEntry>();
  for (const name of ["criu", "tar"]) {
    const program = Bun.which(name, { PATH: TEST_PATH });
    if (program === null) return files;
    added.set(program, { path: `/usr/bin/${name}`, mode: 0o755, data: readFileSync(program) });
    for (const path of librariesOf(program))
      if (!have.has(path)) added.set(path, { path, mode: 0o755, data: readFileSync(path) });
  }
  return [...files, ...added.values()];
}

const machine = {
  kernel: "6.1",
  // emulated processors are slow at what CRIU does
  limit: 600,
  modules: ["unix_diag", "tcp_diag", "udp_diag", "raw_diag", "af_packet_diag", "netlink_diag", "nf_tables", "veth"],
  edit: (files: CpioEntry[]) => bundles(withCriu(files)),
} as const;

const GNU_FIRST = "export PATH=/usr/bin:/bin";

/** What is left of containers: their states, cgroups, mounts and processes. */
const LEFT = `tsbox list --quiet; ls /run/tsbox; find /sys/fs/cgroup -name 'tsbox-*'; grep /rootfs /proc/mounts; ps | grep -v grep | grep 'echo $i'`;

scenarios(
  machine,
  (_, asRoot) => {
    const counting = `${GNU_FIRST}
criu check || exit 99
mkfifo /tmp/first /tmp/second
cat /tmp/first >/tmp/first.log &
first=$!
cat /tmp/second >/tmp/second.log &
tsbox run --detach --bundle /bundles/counter box >/tmp/first 2>&1 </dev/null || exit 1
until_in . /tmp/first.log
tsbox checkpoint --leave-running --image-path /tmp/running box || exit 2
until_in 6 /tmp/first.log
tsbox state box | grep '"status"'
tsbox checkpoint --image-path /tmp/images box || exit 3
wait $first
echo "last $(tail -n 1 /tmp/first.log)"
echo left; ${LEFT}; echo "left ended"
tsbox restore --detach --bundle /bundles/counter --image-path /tmp/images --pid-file /tmp/pid box >/tmp/second 2>&1 </dev/null || exit 4
until_true sh -c 'test $(wc -l </tmp/second.log) -ge 2'
tsbox state box | grep -e '"status"' -e '"pid"'
echo "pid file $(cat /tmp/pid)"
echo "next $(head -n 1 /tmp/second.log)"
echo "file $(tsbox exec box cat /tmp/count)"
tsbox exec box sh -c 'cat /proc/keys; echo "masked $?"; touch /etc/new'
grep -c . /sys/fs/cgroup/tsbox-box/cgroup.procs
tsbox kill box KILL
until_true sh -c "tsbox state box | grep stopped"
tsbox state box | grep '"status"'
tsbox delete box || exit 5
echo left; ${LEFT}; echo "left ended"`;
    asRoot(
      "a program goes on where it was, and can be looked at, killed and deleted",
      counting,
      ({ output, status }) => {
        const number = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(output)?.[1]);
        expect(status).toBe(0);
        expect(number("last")).toBeGreaterThan(5);
        // what it wrote when it was frozen came out before
        expect(number("next")).toBe(number("last") + 1);
        expect(number("file")).toBeGreaterThan(number("last"));
        expect(output.match(/"status": "running"/g)).toHaveLength(2);
        expect(output).toContain('"status": "stopped"');
        expect(output).toContain(`"pid": ${number("pid file")}`);
        expect(output).toContain("masked 0");
        expect(output).toContain("Read-only file system");
        expect(output.match(/^left\nleft ended$/gm)).toHaveLength(2);
      },
    );

    const foreground = `${GNU_FIRST}
tsbox run --detach --bundle /bundles/counter box 2>&1 </dev/null | cat >/tmp/third.log &
third=$!
until_in . /tmp/third.log
tsbox checkpoint --pre-dump --image-path /tmp/memory box || exit 2
tsbox checkpoint --parent-path ../memory --image-path /tmp/rest box || exit 3
wait $third
echo "last $(tail -n 1 /tmp/third.log)"
(tsbox restore --bundle /bundles/counter --image-path /tmp/rest box 2>&1 </dev/null; echo "ended with $?" >/tmp/status) | sed -n '1s/^/next /p;$s/^/end /p'
cat /tmp/status
echo left; ${LEFT}; echo "left ended"`;
    asRoot("restore in the foreground ends as the program does", foreground, ({ output, status }) => {
      expect(status).toBe(0);
      const number = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(output)?.[1]);
      expect(number("next")).toBe(number("last") + 1);
      expect(output).toMatch(/^end 120\nended with 7\nleft\nleft ended$/m);
    });

    const terminal = `${GNU_FIRST}
mkfifo /tmp/keys
(echo one; sleep 100) >/tmp/keys &
tsbox run --bundle /bundles/terminal tty </tmp/keys >/tmp/screen 2>&1 &
until_in '1: one' /tmp/screen
tsbox checkpoint --image-path /tmp/tty tty || exit 1
cat /tmp/screen
echo restored
(sleep 6; echo two; sleep 1; echo end; sleep 2) | tsbox restore --bundle /bundles/terminal --image-path /tmp/tty tty
echo "ended with $?"
echo left; ${LEFT}; echo "left ended"`;
    asRoot("a container's terminal is restored", terminal, ({ output, status }) => {
      expect(status).toBe(0);
      expect(output).toContain("1: one");
      expect(output.replaceAll("\r", "")).toMatch(
        /restored\n[\s\S]*2: two\n[\s\S]*3: end\n[\s\S]*ended with 5\nleft\nleft ended/,
      );
      expect(output.match(/1: one/g)).toHaveLength(1);
    });

    const watched = `${GNU_FIRST}
tsbox run --bundle /bundles/counter box 2>&1 </dev/null | cat >/tmp/watched.log &
until_in . /tmp/watched.log
tsbox checkpoint --image-path /tmp/watched box || exit 1
tsbox restore --detach --bundle /bundles/counter --image-path /tmp/watched box 2>&1 </dev/null | tail -n 1 >/tmp/end &
end=$!
until_true sh -c "tsbox state box | grep running"
tsbox state box | grep '"status"'
tsbox update --pids-limit 50 box
cat /sys/fs/cgroup/tsbox-box/pids.max
wait $end
cat /tmp/end
tsbox delete box
echo left; ${LEFT}; echo "left ended"`;
    asRoot("what died with its watcher outlives the tsbox that restores it", watched, ({ output, status }) => {
      expect(status).toBe(0);
      expect(output).toMatch(/"status": "running",\n50\n120\nleft\nleft ended/);
    });

    const failures = `${GNU_FIRST}
rm /tmp/images/pages-*.img
tsbox restore --detach --bundle /bundles/counter --image-path /tmp/images box </dev/null
echo "damaged $?"
tsbox restore --detach --bundle /bundles/counter --image-path /tmp box </dev/null
echo "no images $?"
tsbox checkpoint nobody
echo "nobody $?"
tsbox checkpoint --lazy-pages nobody
echo "lazy $?"
mv /usr/bin/criu /usr/bin/criu.off
tsbox restore --detach --bundle /bundles/counter --image-path /tmp/images box </dev/null
echo "no criu $?"
mv /usr/bin/criu.off /usr/bin/criu
echo left; ${LEFT}; echo "left ended"`;
    asRoot("failures are told in a sentence and leave nothing", failures, ({ output }) => {
      const said = output.split("\n");
      const before = (line: string) => said[said.indexOf(line) - 1] ?? "";
      expect(before("damaged 1")).toMatch(
        /^tsbox: cannot restore container "box": criu: .+ \(its log is \/tmp\/images\/restore.log\)$/,
      );
      expect(before("no images 1")).toBe("tsbox: cannot restore: /tmp has no tsbox.json: it is no checkpoint of tsbox");
      expect(before("nobody 1")).toBe('tsbox: container "nobody" does not exist');
      expect(before("lazy 1")).toBe("tsbox: cannot use --lazy-pages: tsbox has not built it yet");
      expect(before("no criu 1")).toContain("install the package criu");
      expect(output).toContain("left\nleft ended");
    });
  },
  [program("criu")],
);
