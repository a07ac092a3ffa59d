/** The chaos of tests/integration/detached where containers have cgroups of their own: those are gone, too. */
import { expect } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { busybox } from "../support/busybox-image.ts";
import { executable, program, requires, root } from "../support/skip.ts";

const test = requires(executable, busybox, root, program("unshare"));

test("whoever was killed leaves no cgroup behind", async () => {
  const cgroup = `/sys/fs/cgroup/tsbox-chaos-${process.pid}`;
  const script = `
    umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit 99
    mkdir -p "$CGROUP/own" && echo $$ > "$CGROUP/own/cgroup.procs" || exit 98
    "$@" >&2 & tests=$!
    most=0
    while kill -0 $tests 2>/dev/null; do
      now=$(find "$CGROUP" -type d -name 'tsbox-*' | wc -l)
      [ "$now" -gt "$most" ] && most=$now
      sleep 0.2
    done
    wait $tests; status=$?
    left=$(find "$CGROUP" -mindepth 1 -type d -name 'tsbox-[0-9a-f]*')
    echo $$ > /sys/fs/cgroup/cgroup.procs
    echo 1 > "$CGROUP/cgroup.kill"; sleep 0.2
    find "$CGROUP" -depth -type d -exec rmdir {} +
    echo "status $status, were there: $([ "$most" -gt 5 ] && echo yes), left: $left"`;
  const bun = join(ROOT, "node_modules/.bin/bun");
  const chaos = join(ROOT, "tests/integration/detached/chaos.test.ts");
  const child = Bun.spawn(
    ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", bun, "test", "--timeout=120000", chaos],
    {
      cwd: ROOT,
      env: { ...process.env, CGROUP: cgroup, TSBOX_CHAOS_SECONDS: "10" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect(stdout, stderr).toBe("status 0, were there: yes, left: \n");
}, 180_000);
