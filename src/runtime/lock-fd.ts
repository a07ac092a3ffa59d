/** Where the command that takes over from a monitor finds its container's lock (`detached.ts`, `afterExit`). */
export const LOCK_FD = 64;
