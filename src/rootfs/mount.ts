/** The operations that mount a root file system inside the container's mount namespace. */
import {
  AT_EMPTY_PATH,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  FUSE_SUPER_MAGIC,
  MS_BIND,
  MS_REC,
  O_DIRECTORY,
  O_PATH,
  S_IFDIR,
  SIGKILL,
} from "../linux/abi.gen.ts";
import { type PlanBuilder, type Program, type Slot, SUBJECT_PID } from "../plan/index.ts";
import { type LayeredRoot, mountPoint, type RootSource } from "./source.ts";

// mount(2) takes one page of options; some is kept for what the kernel adds
const OPTIONS_LIMIT = 4000;

/** Sync bytes between the two processes of {@link addRootMount}. */
const READY_FOR_FUSE = 70;
const FUSE_READY = 71;

/** Both ends of the conversation between a container's first process and its supervisor. */
export interface RootMountContext {
  readonly plan: PlanBuilder;
  /** Runs in the namespaces, as user 0 there. */
  readonly inside: Program;
  /** Runs outside; `inside` is its subject. */
  readonly outside: Program;
  readonly insideSocket: Slot;
  readonly outsideSocket: Slot;
  /** pidfd of `inside`, in `outside`. */
  readonly child: Slot;
  /** Receives what helpers print. */
  readonly log: Slot;
  /** True when the caller's own id is not user 0 of the namespace (keep-id), so that made folders want another owner. */
  readonly chownUpper: boolean;
  /** Whether `inside` is in a user namespace other than the caller's; root's containers are not. */
  readonly userNamespace: boolean;
}

export interface MountedRoot {
  /** O_PATH descriptor of the mounted root, in `inside`. */
  readonly root: Slot;
  /** pidfd, in `outside`, of a helper that must be ended with the container. */
  readonly helper: Slot | undefined;
}

/** Appends what mounts `source`; afterwards the root is a mount point of its own, as pivot_root(2) wants it. */
export function addRootMount(
  context: RootMountContext,
  source: RootSource,
  slots: { root: Slot; helper: Slot },
): MountedRoot {
  const { inside } = context;
  const target = mountPoint(source);
  let helper: Slot | undefined;
  if (source.kind === "folder") {
    inside.add("mount", [target, target, null, MS_BIND | MS_REC, null], {
      note: `bind the root file system ${target}`,
    });
  } else {
    if (context.chownUpper) {
      inside.add("fchownat", [null, `${source.container}/upper`, 0, 0, 0], {
        note: "give the upper folder to the container's root",
      });
    }
    if (source.kind === "overlay") addOverlay(context.inside, source, target);
    else {
      addFuse(context, source, target, slots.helper);
      helper = slots.helper;
    }
  }
  // what was mounted over the host's own root is not seen by its name, but by going up from there
  const seen = /^\/+$/.test(target) ? "/.." : target;
  inside.add("openat2", [slots.root, null, seen, O_PATH | O_DIRECTORY, 0, 0], {
    note: `open the root file system ${target}`,
  });
  return { root: slots.root, helper };
}

/** Short and free of characters that mount options would split at: relative to the folder of layers. */
function relativeFolder(root: LayeredRoot, name: string): string {
  const levels = root.layersFolder.split("/").length;
  const common = commonPrefix(root.layersFolder.split("/"), root.container.split("/"));
  const up = "../".repeat(levels - common);
  return `${up}${root.container.split("/").slice(common).join("/")}/${name}`;
}

function commonPrefix(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count++;
  return count;
}

function addOverlay(inside: Program, root: LayeredRoot, target: string): void {
  const upper = relativeFolder(root, "upper");
  const work = relativeFolder(root, "work");
  const lower = root.layers.toReversed(); // overlay wants the uppermost first
  const note = `mount the image's ${root.layers.length} layers with overlay`;
  inside.add("chdir", [root.layersFolder], { note: `enter ${root.layersFolder}` });
  const options = `lowerdir=${lower.join(":")},upperdir=${upper},workdir=${work},userxattr${root.disposable ? ",volatile" : ""}`;
  if (options.length <= OPTIONS_LIMIT) {
    inside.add("mount", ["overlay", target, "overlay", 0, options], { note });
  } else {
    // "lowerdir+" takes one layer at a time (Linux 6.7), so that their number is not bounded by a page
    const mount = inside.slot();
    const place = inside.slot();
    const layers = lower.map((name) => `lowerdir+=${name}`);
    const parameters = [...layers, `upperdir=${upper}`, `workdir=${work}`, "userxattr"];
    if (root.disposable) parameters.push("volatile");
    inside.add("new_mount", [mount, "overlay", parameters, 0], { note });
    inside.add("openat2", [place, null, target, O_PATH, 0, 0], { note: `open ${target}` });
    inside.add("attach", [mount, place, ".", S_IFDIR, 1], { note });
    inside.add("close", [place]);
  }
  inside.add("chdir", ["/"]);
}

/** fuse-overlayfs(1) takes its options after -o; colons and commas in paths are escaped with a backslash. */
function escapePath(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}

/**
 * fuse-overlayfs runs in the container's user and mount namespaces but outside its pid namespace, so that the container
 * cannot see it. It stays in the foreground, a child of the supervisor: its pidfd ends it, and so does the supervisor's death.
 */
function addFuse(context: RootMountContext, root: LayeredRoot, target: string, helper: Slot): void {
  const { plan, inside, outside, child } = context;
  const lower = root.layers.toReversed().map((name) => escapePath(`${root.layersFolder}/${name}`));
  const options = `lowerdir=${lower.join(":")},upperdir=${escapePath(`${root.container}/upper`)},workdir=${escapePath(`${root.container}/work`)}`;
  const program = plan.program("fuse-overlayfs", outside);
  const path = root.program ?? "/usr/bin/fuse-overlayfs";
  // Entering the user namespace that one is in already is refused.
  const namespaces = context.userNamespace ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS;
  program.add("setns", [child, namespaces], { note: "enter the container's namespaces" });
  program.add("setresgid", [0]);
  program.add("setresuid", [0]);
  program.add("prctl", [1, SIGKILL, 0], { note: "end with the supervisor" }); // PR_SET_PDEATHSIG, which changing ids clears
  program.add("dup2", [context.log, 1]);
  program.add("dup2", [context.log, 2]);
  program.add("setsid", []); // the terminal's Ctrl-C is not meant for it
  program.add("reset_signals", []);
  program.add("close_on_exec_from", [3]);
  program.add(
    "execve",
    [[path], ["fuse-overlayfs", "-f", "-o", options, target], ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]],
    {
      note: `run ${path}`,
    },
  );
  inside.add("send", [context.insideSocket, READY_FOR_FUSE]);
  outside.add("recv", [context.outsideSocket, READY_FOR_FUSE], { note: "set up the namespaces" });
  outside.add("clone", [program, 0, helper, null, 0, SIGKILL], { note: "start fuse-overlayfs" });
  outside.add("await_fs", [null, `/proc/${SUBJECT_PID}/root${target}`, FUSE_SUPER_MAGIC, helper], {
    expand: true,
    note: "mount the image's layers with fuse-overlayfs",
  });
  outside.add("send", [context.outsideSocket, FUSE_READY]);
  inside.add("recv", [context.insideSocket, FUSE_READY], { note: "wait for fuse-overlayfs" });
  // fuse-overlayfs needs the host's /proc, which would go from its mount namespace when the container leaves the host's root
  inside.add("unshare", [CLONE_NEWNS], { note: "leave fuse-overlayfs a mount namespace of its own" });
}

/** For a container whose root must not be written: the mount, not the folder, is made read-only. */
export function addReadOnlyRoot(inside: Program, root: Slot, readOnly: number): void {
  inside.add("mount_setattr", [root, "", AT_EMPTY_PATH, readOnly, 0, 0, null], {
    note: "make the root file system read-only",
  });
}
