/** `commit` holds a container up while it reads its files: on a kernel where it has a cgroup, which is where cgroup2 is mounted at /sys/fs/cgroup. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { executable, program, requires, root } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { TSBOX } from "../support/tsbox.ts";

const test = requires(root, executable, busybox, program("unshare"));

const SCRIPT = `
  mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup || exit 77
  own=/sys/fs/cgroup/tsbox-commit-$$; mkdir $own $own/me && echo $$ > $own/me/cgroup.procs || exit 77
  trap 'tsbox rm -f web > /dev/null; echo $$ > /sys/fs/cgroup/cgroup.procs; rmdir $own/me $own' EXIT
  tsbox() { "$TSBOX" "$@"; }
  tsbox run -d --name web --network=none "$IMAGE" sh -c 'head -c 30000000 /dev/urandom > /large; touch /ready; sleep 600' > /dev/null
  until tsbox exec web test -e /ready; do sleep 0.1; done
  tsbox commit web > /dev/null; tsbox ps --format '{{.State}}'
  tsbox commit --pause=false web > /dev/null
  "$TSBOX" commit web > /dev/null & commit=$!
  until [ "$(tsbox ps --format '{{.State}}')" = paused ]; do sleep 0.05; done
  kill -TERM $commit; wait $commit; echo "ended with $?"
  tsbox ps --format '{{.State}}'
`;

test("a container is paused during a commit, and goes on after it, also when it is interrupted", async () => {
  using folder = temporaryFolder();
  const image = writeBusyboxLayout(folder.join("busybox"));
  const env = { PATH: process.env.PATH ?? "", HOME: folder.path, XDG_DATA_HOME: folder.path, TSBOX, IMAGE: image };
  const result = Bun.spawnSync(["timeout", "60", "unshare", "-m", "bash", "-c", SCRIPT], { env, stdin: "ignore" });
  expect(result.stderr.toString().replace(/^pulling [\s\S]*? done\n/, "")).toBe("");
  expect(result.stdout.toString()).toBe("running\nended with 143\nrunning\n");
  const events = readFileSync(folder.join("tsbox/events.jsonl"), "utf8").trim().split("\n");
  const actions = events.map((line) => (JSON.parse(line) as { action: string }).action); // cast: tsbox wrote it
  const own = actions.filter((action) => ["pause", "unpause", "commit"].includes(action));
  expect(own).toEqual(["pause", "commit", "unpause", "commit", "pause", "unpause"]);
});
