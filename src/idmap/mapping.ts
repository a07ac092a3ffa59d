/** What an id mapping is; how one is found and chosen is in `choose.ts`. */

/** One line of `/proc/PID/uid_map` or `gid_map` (user_namespaces(7)): `count` ids from `container` on are `host` and on. */
export interface IdRange {
  readonly container: number;
  readonly host: number;
  readonly count: number;
}

export interface IdMapping {
  /**
   * `subuid`: written by newuidmap and newgidmap; ownership in images is applied.
   * `single`: only the caller's own id is mapped, written without help; ownership is kept in an xattr and not applied.
   * `none`: no user namespace at all (tsbox started by root).
   */
  readonly kind: "subuid" | "single" | "none";
  /**
   * The folder under `layers/` that holds trees unpacked with this mapping. Two mappings have the same name exactly when
   * ownership on disk is the same. Only `[a-z0-9-]`.
   */
  readonly name: string;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}
