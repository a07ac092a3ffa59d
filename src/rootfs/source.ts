/** What a container's root file system is made of, before it is mounted. */

/** Layers of an image under a writable folder. All paths are absolute; `layers` are names inside `layersFolder`. */
export interface LayeredRoot {
  readonly kind: "overlay" | "fuse-overlayfs";
  readonly layersFolder: string;
  /** Lowest first, as an image lists them. */
  readonly layers: readonly string[];
  /** The container's folder, which holds `upper`, `work` and the mount point `merged`. */
  readonly container: string;
  /** Nothing of the upper folder will be wanted after a crash: the kernel need not write it out on sync. */
  readonly disposable: boolean;
  /** The fuse-overlayfs program; only for that kind. */
  readonly program?: string;
}

/** A plain folder, used as it is. */
export interface FolderRoot {
  readonly kind: "folder";
  readonly path: string;
}

export type RootSource = LayeredRoot | FolderRoot;

/** Where the root file system is mounted before the container's process makes it its root. */
export function mountPoint(root: RootSource): string {
  return root.kind === "folder" ? root.path : `${root.container}/merged`;
}
