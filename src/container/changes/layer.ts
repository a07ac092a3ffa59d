/** A container's changes as a layer: a tar archive as image-spec layer.md has it, the same bytes for the same changes. */
import { TsboxError } from "../../error.ts";
import { END_OF_ARCHIVE, packEntry, tarHeader } from "../../image/tar-writer/index.ts";
import type { Descriptor } from "../../rootfs/tree/index.ts";
import { unlessVanished } from "../copy/copy-out.ts";
import { type Change, type ChangesJob, Walk } from "./walk.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** @throws SyscallError, TsboxError */
export function* packLayer(
  job: ChangesJob & { readonly ownersRecorded: boolean },
  top: Descriptor,
  layers: readonly Descriptor[],
): Generator<Uint8Array> {
  /** Device and inode of files with several names to the first of them. */
  const names = new Map<string, string>();
  for (const change of new Walk(job, top).changes(layers)) yield* packChange(change, top, names, job.ownersRecorded);
  yield END_OF_ARCHIVE;
}

function* packChange(
  { kind, path, stat, opaque, covered }: Change,
  tree: Descriptor,
  names: Map<string, string>,
  ownersRecorded: boolean,
): Generator<Uint8Array> {
  const slash = path.lastIndexOf("/") + 1;
  if (path.slice(slash).startsWith(WHITEOUT)) {
    const shown = JSON.stringify(`/${Buffer.from(path, "latin1").toString()}`);
    throw new TsboxError(
      "unsupported",
      `cannot commit ${shown}: in a layer a name that begins with ".wh." means that something is deleted; rename it`,
    );
  }
  if (kind === "D") {
    if (!covered) yield marker(`${path.slice(0, slash)}${WHITEOUT}${path.slice(slash)}`);
    return;
  }
  if (stat === undefined) return;
  const key = `${stat.devMajor}:${stat.devMinor}:${stat.ino}`;
  const shared = !stat.isFolder && stat.nlink > 1;
  const linkTo = shared ? names.get(key) : undefined;
  if (shared && linkTo === undefined) names.set(key, path);
  const entry = packEntry({ tree, path, name: path, stat, linkTo, ownersRecorded, sparse: false });
  if ((yield* unlessVanished(entry)) && opaque) yield marker(`${path}/${OPAQUE}`);
}

function marker(name: string): Uint8Array {
  return tarHeader({ name, type: "0", mode: 0, uid: 0, gid: 0, size: 0, mtime: [0n, 0] });
}
