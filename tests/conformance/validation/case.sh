#!/bin/sh
# Runs one case of the validation suite where it can leave nothing behind: `case.sh PROGRAM`, as root.
#
# The caller has made the cgroup (version 2) and put this process in it. The namespaces made here end with the case: its
# processes with the pid namespace, what it mounts and writes to /run and /tmp with the mount namespace. What cgroups it makes are below that one,
# which looks like the root of the only hierarchy.
set -eu
program=$1
exec unshare --mount --cgroup --pid --fork --kill-child sh -euc '
  mount --make-rprivate /
  mount -t proc proc /proc
  umount -l -R /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir /sys/fs/cgroup/init
  echo 1 > /sys/fs/cgroup/init/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
  done
  mount -t tmpfs tmpfs /run
  mount -t tmpfs tmpfs /tmp
  "$0"
' "$program"
