/** Where the command that takes over from a monitor finds its container's lock (`detached.ts`, `afterExit`). */
export const LOCK_FD = 64;
/** And the connection of the client that its monitor was started with. */
export const CLIENT_FD = 65;
/** And the terminal of the last run, if there was one: it has the size of the client's window. */
export const TERMINAL_FD = 66;
