/** Why something about ids or user namespaces does not work on this host, and what ends that. */

export interface Obstacle {
  /** For programs: `no-newuidmap`, `userns-limit`, ... */
  readonly code: string;
  /** A clause without a full stop: `newuidmap is not installed`. */
  readonly why: string;
  /** What a person does about it, commands included; addressed to an administrator where one is needed. */
  readonly remedy: string;
}

/** `why (remedy)`, for messages of one line. */
export function obstacleText(obstacle: Obstacle): string {
  return `${obstacle.why} (${obstacle.remedy})`;
}
