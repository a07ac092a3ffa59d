/**
 * Shell scripts of root's that exchange the root file system for another one, between which a caller adds what is its own. They want
 * a mount namespace whose mounts go nowhere else, a pid namespace, and `sh -eu`.
 */

/**
 * Leaves the shell in the folder that is to be the root: `DEBIAN`, with the devices and processes of the namespaces that the shell is
 * in, cgroups of version 2 alone, and an empty /run. A layer above, in memory, takes what is written. `FOLDER` is a scratch folder.
 */
export const MAKE_ROOT = `
mkdir "$FOLDER/machine"
cd "$FOLDER/machine"
mount -t tmpfs tmpfs .
cd "$FOLDER/machine"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=$DEBIAN,upperdir=upper,workdir=work" root
cd root
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run`;

/** Makes the folder that the shell is in the root. Not by chroot(2), after which nobody may make user namespaces. */
export const ENTER_ROOT = `
pivot_root . .
umount -l .
cd /`;
