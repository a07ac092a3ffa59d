/*
 * Mounts made detached and attached by descriptor. These operations put together the system calls that always go together;
 * a plan of single calls would be three times as long to write, which at start-up costs more than carrying it out.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <asm/statfs.h>
#include "native.h"
#include "system.h"

#define KEY_SIZE 64

static long move_to(long mount, long target) {
  return SYS_5(__NR_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* One option: `key` or `key=value` (fsconfig(2)). */
static long configure(long fs, const char *option) {
  char key[KEY_SIZE];
  u32 at = 0;
  for (; option[at] != 0 && option[at] != '='; at++) {
    if (at + 1 >= sizeof key) return -EINVAL;
    key[at] = option[at];
  }
  key[at] = 0;
  if (option[at] == 0) return SYS_5(__NR_fsconfig, fs, FSCONFIG_SET_FLAG, key, 0, 0);
  return SYS_5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, key, option + at + 1, 0);
}

/* A new file system, detached. `detail` counts options, so that a message can name the one that is refused. */
long new_mount(const struct plan *plan, const char *type, u64 options, u64 attributes, u32 *detail) {
  long fs = SYS_2(__NR_fsopen, type, FSOPEN_CLOEXEC);
  if (fs < 0) return fs;
  const u64 *vector = (const u64 *)(plan->base + options);
  long result = 0;
  for (u64 i = 1; i <= vector[0] && result >= 0; i++) {
    *detail = (u32)i;
    result = configure(fs, (const char *)plan->base + vector[i]);
  }
  if (result < 0) return close_after(fs, result);
  *detail = 0;
  result = SYS_5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (result >= 0) result = SYS_3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
  return close_after(fs, result);
}

static int is_procfs(long fd) {
  struct statfs stat;
  return SYS_2(__NR_fstatfs, fd, &stat) < 0 || stat.f_type == PROC_SUPER_MAGIC;
}

/*
 * Attaches a detached mount at a place resolved inside the root, made where it is missing. With `links` 0 a place that the
 * image already has must not be reached through a symbolic link (CVE-2019-19921, CVE-2023-27561); with 1 it may, but not in
 * procfs, whose files the runtime and the program rely on (CVE-2019-16884); with 2 it may be there, too.
 */
long attach(int mount, int root, const char *path, u32 type, int links) {
  long target = links ? -ENOENT : open_in(root, path, O_PATH, RESOLVE_NO_SYMLINKS);
  if (target == -ENOENT) target = make_in_root(root, path, type == S_IFDIR ? 0755 : 0644, type);
  if (target < 0) return target;
  if (links == 1 && is_procfs(target)) return close_after(target, -ELOOP);
  return close_after(target, move_to(mount, target));
}

/* A device of the host at a place in the container, after a check that it is that device and not what replaced it. */
long bind_device(int root, const char *host, const char *path, u32 type, u64 dev) {
  long mount = SYS_3(__NR_open_tree, AT_FDCWD, host, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (mount < 0) return mount;
  long result = require_device((int)mount, type, dev);
  if (result >= 0) result = attach((int)mount, root, path, S_IFREG, 1);
  return close_after(mount, result);
}

static long clone_tree(long fd) {
  return SYS_3(__NR_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
}

/* A path of the container, bound over itself and read-only with all that is below. */
long read_only_path(int root, const char *path) {
  long target = open_in(root, path, O_PATH, 0);
  if (target < 0) return target;
  long mount = clone_tree(target);
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
  long result = mount < 0 ? mount : SYS_5(__NR_mount_setattr, mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr);
  if (result >= 0) result = move_to(mount, target);
  return close_after(target, close_after(mount, result));
}

static long empty_folder_mount(void) {
  long fs = SYS_2(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (fs < 0) return fs;
  long result = SYS_5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
  u64 attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  if (result >= 0) result = SYS_3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
  return close_after(fs, result);
}

/* Over a folder an empty read-only one, over anything else the verified /dev/null (CVE-2025-31133). */
long mask_path(int root, const char *path, int dev_null) {
  long target = open_in(root, path, O_PATH, 0);
  if (target < 0) return target;
  int folder = require_device((int)target, S_IFDIR, 0) == 0;
  long mount = folder ? empty_folder_mount() : clone_tree(dev_null);
  long result = mount < 0 ? mount : move_to(mount, target);
  return close_after(target, close_after(mount, result));
}
