/** What the two network helpers have in common: they are programs that the native supervisor runs beside a container. */

/** In `argv`: the native program puts the decimal pid of the container's first process in place of this byte. */
export const PID = "\x01";

/**
 * A helper process. It stays in the foreground for as long as the container lives:
 *
 * 1. The supervisor makes a pipe (pipe(2), not a socket pair: pasta opens it again by name, which a socket refuses with
 *    ENXIO) and starts the helper with the pipe's writing end as descriptor `readyFD`, standard input
 *    from `/dev/null`, other output to a log, all other descriptors closed, and PR_SET_PDEATHSIG SIGKILL.
 * 2. One byte on the pipe says that the network is configured. End of file without a byte says that it failed; the log
 *    has the reason.
 * 3. When the container has ended, the supervisor kills the helper by its pidfd. If the supervisor is killed, PDEATHSIG
 *    ends the helper (measured: neither helper changes credentials in a way that clears it).
 *
 * Neither helper can be trusted to notice the end by itself: pasta of 2023-03 (Debian 12) runs on for ever when the process
 * that it was given is gone, pasta of 2025-05 (Debian 13) ends within a second. Either is ready 20 to 30 ms after its start,
 * which the supervisor can spend on other things.
 */
export interface HelperProcess {
  readonly kind: "pasta" | "slirp4netns";
  /** `argv[0]` is the absolute path of the program. */
  readonly argv: readonly [string, ...string[]];
  readonly env: readonly string[];
  /** 1 for pasta: it writes its pid there when ready. 3 for slirp4netns, whose standard output carries chatter. */
  readonly readyFD: 1 | 3;
}
