/** What values of flags mean: loaded when there is such a flag. */
export { parseEnvFile } from "../spec/environment.ts";
export { parseDevice, parseMount, parseTmpfs, parseVolume } from "../spec/mount-flags.ts";
export { parseSignal } from "../spec/signal.ts";
export { parseBytes, parseCpus, parsePair, parseUlimit } from "../spec/units.ts";
