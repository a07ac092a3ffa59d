/** A machine of its own for callers: other programs, other cgroups and another network than those of this one. Root makes it. */
import { chownSync } from "node:fs";
import { ENTER_ROOT, MAKE_ROOT } from "../../support/other-root.ts";
import { TEST_PATH } from "../../support/skip.ts";
import type { Place } from "./place.ts";

const USER = 1000;

/**
 * What the outer shell does: a cgroup for the machine, which is removed when the machine has ended. It is what the machine sees as
 * the root of all cgroups, and must have no processes, or it could give controllers to none.
 */
const OUTER = `
mkdir "$FOLDER/cgroup2"
mount -t cgroup2 cgroup2 "$FOLDER/cgroup2"
cgroup=$FOLDER/cgroup2/\${FOLDER##*/}
mkdir "$cgroup"
(
  echo 0 >"$cgroup/cgroup.procs"
  exec unshare --cgroup sh -euc '
    echo 0 >"$FOLDER/cgroup2/cgroup.procs"
    exec unshare --mount --pid --net --uts --ipc --fork sh -euc "$INNER"'
) || true
find "$cgroup" -depth -type d -exec rmdir {} +`;

/**
 * What its first process does, from its namespaces to its first program. It ends when its standard input does, and all processes
 * with it. \`/proc\` is still the one of outside at first, and says the pid there.
 * Podman 5 reads runtime_supports_nocgroup, whatever containers.conf(5) says (runtime_supports_nocgroups).
 */
const INNER = `
read -r pid rest </proc/self/stat
mount --make-rprivate /
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth1 up
ip link set eth0 up
ip address add 192.0.2.2/24 dev eth0
ip route add default via 192.0.2.1
${MAKE_ROOT}
mkdir -p ".$FOLDER"
mount --bind "$FOLDER" ".$FOLDER"
touch usr/local/bin/tsbox
mount --bind "$TSBOX" usr/local/bin/tsbox
echo "user:x:$USER_ID:$USER_ID::$FOLDER/home:/bin/sh" >>etc/passwd
echo "user:x:$USER_ID:" >>etc/group
printf 'user:100000:65536\\ncontainers:1000000:1000000\\n' | tee -a etc/subuid >>etc/subgid
echo 127.0.0.1 localhost machine >etc/hosts
echo nameserver 127.0.0.1 >etc/resolv.conf
cat >etc/containers/containers.conf <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
pids_limit = 0
[engine]
runtime_supports_nocgroup = ["crun", "tsbox"]
END
mkdir sys/fs/cgroup/session
chown -R "$USER_ID:$USER_ID" sys/fs/cgroup/session
chown "$USER_ID:$USER_ID" sys/fs/cgroup sys/fs/cgroup/cgroup.procs sys/fs/cgroup/cgroup.threads sys/fs/cgroup/cgroup.subtree_control
sed 's/[^ ]*/+&/g' sys/fs/cgroup/cgroup.controllers >sys/fs/cgroup/cgroup.subtree_control
hostname machine
${ENTER_ROOT}
echo 1 >/sys/fs/cgroup/session/cgroup.procs
echo "$pid"
exec catatonit -- cat`;

/**
 * A machine of its own, without a kernel of its own: processes, mounts, network and cgroups, whose programs are in `debian`. Its
 * cgroups are version 2 alone and the user's, as systemd delegates them, but without controllers, and its network leads nowhere.
 *
 * @param debian a root file system with util-linux, catatonit and the callers; nothing is written there
 * @param tsbox what is /usr/local/bin/tsbox in it
 */
export function machine(debian: string, tsbox: string, root: boolean): Place {
  return {
    root,
    enter: async (folder) => {
      chownSync(folder.path, USER, USER);
      const holder = Bun.spawn(["unshare", "--mount", "--propagation=private", "sh", "-euc", OUTER], {
        env: { PATH: TEST_PATH, FOLDER: folder.path, DEBIAN: debian, TSBOX: tsbox, INNER, USER_ID: String(USER) },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [pid = ""] = await firstLine(holder.stdout);
      if (pid === "") throw new Error(`the machine was not made: ${await holder.stderr.text()}`);
      const spaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"];
      const join = 'echo $$ >/sys/fs/cgroup/session/cgroup.procs; exec "$@"';
      const user = root ? [] : ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--init-groups", "--inh-caps=-all"];
      return {
        path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        within: (command) => [
          "nsenter",
          `--target=${pid}`,
          ...spaces,
          "--",
          "sh",
          "-c",
          join,
          "sh",
          ...user,
          ...command,
        ],
        give: (path) => {
          if (!root) chownSync(path, USER, USER);
        },
        [Symbol.asyncDispose]: async () => {
          await holder.stdin.end();
          await holder.exited;
        },
      };
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes("\n")) break;
  }
  return text.split("\n").filter((line) => line !== "");
}
