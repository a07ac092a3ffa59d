/** `pause` and `pod pause`: on a kernel where containers have cgroups, which is where cgroup2 is mounted at /sys/fs/cgroup. */
import { expect } from "bun:test";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { executable, program, requires, root } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { TSBOX } from "../support/tsbox.ts";

const test = requires(root, executable, busybox, program("unshare"));

const IN_CGROUP = `
  mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup || exit 77
  own=/sys/fs/cgroup/tsbox-pause-$$; mkdir $own $own/me && echo $$ > $own/me/cgroup.procs || exit 77
  tsbox() { "$TSBOX" "$@"; }
  trap 'tsbox pod rm -f p > /dev/null; tsbox rm -fa > /dev/null; echo $$ > /sys/fs/cgroup/cgroup.procs; find $own -depth -type d -exec rmdir {} +' EXIT
  states() { echo "$1:" $(tsbox pod ls --format '{{.Status}}') $(tsbox ps -a --format '{{.Names}}={{.State}}' | sort); }
`;

function observe(script: string): { stdout: string; stderr: string } {
  using folder = temporaryFolder();
  const image = writeBusyboxLayout(folder.join("busybox"));
  const env = { PATH: process.env.PATH ?? "", HOME: folder.path, XDG_DATA_HOME: folder.path, TSBOX, IMAGE: image };
  const { stdout, stderr } = Bun.spawnSync(["timeout", "60", "unshare", "-m", "bash", "-c", IN_CGROUP + script], {
    env,
    stdin: "ignore",
  });
  return { stdout: stdout.toString(), stderr: stderr.toString() };
}

test("pod pause holds up all containers of a pod, unpause lets them go on, and stop ends those that are held up", () => {
  const { stdout, stderr } = observe(`
    tsbox pod create --network=none p > /dev/null
    for name in a b; do tsbox run -d -q --pod p --name $name "$IMAGE" sh -c 'while :; do echo x; sleep 0.05; done' > /dev/null; done
    states up
    tsbox pod pause p > /dev/null; echo "status $?"; states paused
    before=$(tsbox logs a | wc -l); sleep 0.5; [ $(tsbox logs a | wc -l) = $before ] && echo silent
    tsbox pod unpause p > /dev/null; echo "status $?"; states again
    until [ $(tsbox logs a | wc -l) -gt $before ]; do sleep 0.05; done; echo talks
    tsbox pod pause p > /dev/null; tsbox pod stop -t 1 p > /dev/null; echo "status $?"; states stopped
    tsbox events --stream=false --filter event=pause --filter event=unpause --format '{{.Action}}' | uniq -c | tr -s ' ' | tr '\\n' ';'
  `);
  expect(stderr).toBe("");
  expect(stdout.split("\n")).toEqual([
    "up: Running a=running b=running",
    "status 0",
    "paused: Paused a=paused b=paused",
    "silent",
    "status 0",
    "again: Running a=running b=running",
    "talks",
    "status 0",
    "stopped: Exited a=exited b=exited",
    " 2 pause; 2 unpause; 2 pause;",
  ]);
});
