/** The worker's root: the tree of the layer that it unpacks, one after the other. */
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";

/**
 * Nothing that an archive says can lead out of a root, which the kernel resolves all paths in. This process can leave it, by the descriptor that
 * is kept here: no path leads to that either, for a tree being unpacked has no `/proc` mounted in it, and no code of an image ever runs here.
 */
export class Confinement {
  readonly #outside: number;
  #inside = false;

  constructor() {
    this.#outside = check("openat", syscall(SYS.openat, AT_FDCWD, cstring("/"), O_PATH | O_DIRECTORY | O_CLOEXEC));
    // what is made in a tree is of the mode it is made with
    syscall(SYS.umask, 0);
  }

  /** Back to the root that the process was started with. @throws SyscallError */
  leave(): void {
    if (!this.#inside) return;
    this.#rootAt(this.#outside);
    this.#inside = false;
  }

  /**
   * @param folder an open folder, closed here; root's from then on, and of mode 755
   * @throws SyscallError
   */
  enter(folder: number): void {
    this.#rootAt(folder);
    this.#inside = true;
    // it is to be root's: nothing is inherited from where the store is
    check("fchown", syscall(SYS.fchown, folder, 0, 0));
    check("fchmod", syscall(SYS.fchmod, folder, 0o755));
    syscall(SYS.removexattr, cstring("."), cstring("system.posix_acl_default"));
    syscall(SYS.close, folder);
  }

  #rootAt(folder: number): void {
    check("fchdir", syscall(SYS.fchdir, folder));
    check("chroot", syscall(SYS.chroot, cstring(".")));
  }
}
