/** Subordinate ids and the choice of an id mapping. */
export {
  type Caller,
  type Choice,
  chooseMapping,
  currentCaller,
  mayMount,
  subordinates,
  unpackMapping,
} from "./choose.ts";
export { readHostFile, readSysctl } from "./host-files.ts";
export { requireMapped, toHost } from "./lookup.ts";
export type { IdMapping, IdRange } from "./mapping.ts";
export { findHelper, HELPER_FOLDERS, helperArguments, helperObstacle } from "./newidmap.ts";
export { type Obstacle, obstacleText } from "./obstacle.ts";
export { countIds, type HostRange } from "./ranges.ts";
export { type IdKind, readSubordinates } from "./subid.ts";
export { explainUserNamespaceFailure, userNamespaceSwitches } from "./switched-off.ts";
export { parseUserns, type UsernsMode } from "./userns-option.ts";
