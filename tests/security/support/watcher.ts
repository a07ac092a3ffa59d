/** A hostile container: it waits for processes of the runtime to appear beside it, and takes what it can from them. */
import type { BundleConfig } from "../../support/bundle.ts";

/** Busybox has no more: capabilities(7) up to CAP_CHECKPOINT_RESTORE. */
const CAPABILITIES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP"
    .split(" ")
    .map((name) => `CAP_${name}`);

/** Everything that a container's root can have: tracing is not refused for want of a capability. */
export function withAllCapabilities({ process }: BundleConfig): void {
  process.capabilities = Object.fromEntries(
    ["bounding", "effective", "permitted", "inheritable", "ambient"].map((set) => [set, CAPABILITIES]),
  );
}

/**
 * Looks at each process that is neither its own nor runs `program` yet, and says `saw` once, and `took ...` for whatever of it can be
 * had: its descriptors, its root folder, its environment, its executable.
 */
export function watcher(program: string): readonly string[] {
  const script = `
    seen=
    while :; do
      for p in /proc/[0-9]*; do
        [ $p = /proc/1 ] && continue
        comm=; { read comm < $p/comm; } 2> /dev/null
        [ -z "$comm" ] && continue
        [ "$comm" = ${program} ] && continue
        [ "$seen" = yes ] || { seen=yes; echo saw; }
        took=
        ls -l $p/fd 2> /dev/null | busybox grep -q -e '->' && took="$took fd"
        ls -d $p/root/. > /dev/null 2>&1 && took="$took root"
        ls -d $p/cwd/. > /dev/null 2>&1 && took="$took cwd"
        cat $p/environ > /dev/null 2>&1 && took="$took environ"
        cat $p/exe > /dev/null 2>&1 && took="$took exe"
        (: < $p/mem) 2> /dev/null && took="$took mem"
        again=; { read again < $p/comm; } 2> /dev/null
        [ "$again" = "$comm" ] && [ -n "$took" ] && echo took$took
      done
    done`;
  return ["sh", "-c", script];
}
