#!/bin/busybox sh
# The first program of the machine, twice: in the kernel's first root file system, which nothing can pivot away from, it
# copies everything to a disk and starts over there; on the disk it runs the scenarios and switches the machine off.
# Results go to the second serial port, so that the kernel's messages are not among them.
export PATH=/bin:/usr/bin HOME=/root

if [ ! -e /scenarios/.on-disk ]; then
  mount -t devtmpfs dev /dev
  mount -t proc proc /proc
  while read -r module; do insmod "/modules/$module.ko"; done </modules/order
  mount -t ext4 /dev/vda /new || { echo "cannot mount the disk"; poweroff -f; }
  for each in /*; do
    case $each in /dev | /proc | /sys | /new) mkdir -p "/new$each" ;; *) cp -a "$each" /new/ ;; esac
  done
  touch /new/scenarios/.on-disk
  umount /proc
  mount --move /dev /new/dev
  exec switch_root /new /init
fi

mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs run /run
mount -t securityfs security /sys/kernel/security
mount -t cgroup2 cgroup /sys/fs/cgroup
# As udev leaves them.
for device in /dev/fuse /dev/net/tun; do [ -e $device ] && chmod 666 $device; done
ln -s /proc/self/fd /dev/fd
ip link set lo up
hostname machine
mkdir -p /run/user/1000
chown u:u /run/user/1000
chmod 700 /run/user/1000

# What systemd does for a login: a cgroup that belongs to the person, with all controllers, and the shell in a leaf of it.
# Root's shell is in a cgroup beside it.
enable() {
  for controller in $(cat "$1/cgroup.controllers"); do echo "+$controller" >"$1/cgroup.subtree_control"; done
}
cd /sys/fs/cgroup
mkdir root user
echo $$ >root/cgroup.procs
enable .
mkdir user/session
enable user
chown u:u user user/session
for folder in user user/session; do chown u:u $folder/cgroup.procs $folder/cgroup.subtree_control $folder/cgroup.threads; done
cd /

# `as_u COMMAND...`: runs it as the user, in the user's session.
cat >/bin/as_u <<'END'
#!/bin/sh
echo $$ >/sys/fs/cgroup/user/session/cgroup.procs
cd /home/u
export XDG_RUNTIME_DIR=/run/user/1000
exec su u -s /bin/sh -c '"$0" "$@"' -- "$@"
END
chmod 755 /bin/as_u

stty -F /dev/ttyS1 raw
exec 3>/dev/ttyS1
echo '@@ up' >&3
for scenario in /scenarios/*.sh; do
  name=$(basename "$scenario" .sh)
  case $name in *.root) as= ;; *) as=as_u ;; esac
  timeout -s KILL 180 $as sh "$scenario" >/tmp/output 2>&1 3>&- </dev/null
  status=$?
  { echo "@@ begin $name"; cat /tmp/output; echo; echo "@@ end $name $status $(cut -d ' ' -f 1 /proc/uptime)"; } >&3
done
echo "@@ finished" >&3
sync
poweroff -f
