/** What values of flags mean: loaded when there is such a flag. */
export { parseEnvFile } from "../spec/environment.ts";
export { parseDevice, parseTmpfs, parseVolume, parseVolumesFrom } from "../spec/mount-flags.ts";
export { parseMount } from "../spec/mount-long.ts";
export { parseSecret } from "../spec/secret-flag.ts";
export { parseSignal } from "../spec/signal.ts";
export { parseBytes, parseCpus, parsePair, parseUlimit } from "../spec/units.ts";
export { readFlagFile } from "./file.ts";
