/** From an archive to where a person said. Docker's rules for destinations that are there, and that are not. */
import { TsboxError } from "../../error.ts";
import { TarParser } from "../../image/tar-reader/index.ts";
import { O_DIRECTORY, O_PATH, SYS } from "../../linux/abi.gen.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import { warn } from "../../linux/warn.ts";
import { type Descriptor, kernelPath, openIn } from "../../rootfs/tree/index.ts";
import { type Destination, type ExtractOptions, Extractor } from "./extractor.ts";
import { type CopyRoot, findPlace, openPath, openRoot, type Place, type RootName } from "./place.ts";
import { readAll } from "./stream.ts";

export interface CopyInJob {
  readonly root: RootName;
  /** Absolute, latin1. A slash at the end: it has to be a folder. */
  readonly path: string;
  /** What the source is called, which it keeps in a folder that is there; undefined: only what is in it is copied. */
  readonly base: string | undefined;
  /** Its members are not of one source, but anything: a person's archive, unpacked in a folder. */
  readonly archive: boolean;
  readonly owner: ExtractOptions["owner"];
  readonly ownersRecorded: boolean;
  /** For messages: `web:/srv`. */
  readonly shown: string;
}

/** @param input descriptor of the archive. @throws SyscallError, TsboxError */
export function copyIn(job: CopyInJob, input: number): void {
  const root = openRoot(job.root);
  using opened = new DisposableStack();
  const choose = (isFolder: boolean) => chooseDestination(root, job, isFolder, opened);
  using extractor = new Extractor({
    owner: job.owner,
    ownersRecorded: job.ownersRecorded,
    onHost: root === undefined,
    choose,
  });
  const parser = new TarParser(extractor);
  let empty = true;
  for (const bytes of readAll(input)) {
    empty = false;
    parser.push(bytes);
  }
  // the other side failed before its first byte, and says so itself
  if (empty && !job.archive) return;
  parser.finish();
  extractor.finish();
  if (extractor.devices > 0) warn(`${extractor.devices} device nodes were not copied`);
}

function chooseDestination(root: CopyRoot, job: CopyInJob, isFolder: boolean, opened: DisposableStack): Destination {
  const place = opened.use(find(root, job));
  const { stat } = place;
  const there = stat?.isFolder ? opened.use(openThere(place)) : undefined;
  if (job.archive) {
    if (there === undefined) throw invalid(job, "an archive is unpacked in a folder, which that is not");
    return unpackInto(root, there, place);
  }
  if (there !== undefined) return rename(there, job.base ?? "");
  if (stat !== undefined) {
    if (isFolder) throw invalid(job, "a folder is not copied to a file");
    if (job.path.endsWith("/")) throw invalid(job, "it is not a folder");
    return rename(place.folder, place.name);
  }
  if (!isFolder && job.path.endsWith("/")) throw invalid(job, "there is no such folder");
  return rename(place.folder, place.name);
}

function find(root: CopyRoot, job: CopyInJob): Place {
  try {
    return findPlace(root, job.path, true);
  } catch (error) {
    if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENOTDIR))
      throw invalid(job, "the folder that it would be in is not there");
    throw error;
  }
}

function invalid({ shown }: CopyInJob, reason: string): TsboxError {
  return new TsboxError("not-found", `cannot copy to ${shown}: ${reason}`);
}

function openThere({ folder, name }: Place): Descriptor {
  return openIn(folder, name, O_PATH | O_DIRECTORY);
}

/** All members are of one source, whose name is the first part of theirs. */
function rename(folder: Descriptor, name: string): Destination {
  return {
    folder,
    pathOf(member) {
      const slash = member.indexOf("/");
      if (slash < 0) return name;
      return name === "" ? member.slice(slash + 1) : `${name}${member.slice(slash)}`;
    },
    openParent: (path) => openIn(folder, path, O_PATH | O_DIRECTORY),
  };
}

/**
 * A person's archive may say `lib/x` where the container's `/lib` is a link to `/usr/lib`: folders on the way are resolved in the container's
 * root, links and all, and made where they are missing.
 */
function unpackInto(root: CopyRoot, folder: Descriptor, { folderPath, name }: Place): Destination {
  const base = `${folderPath}/${name}`;
  const open = (path: string): Descriptor => {
    try {
      return openPath(root, `${base}/${path}`, O_PATH | O_DIRECTORY);
    } catch (error) {
      if (path === "" || !(error instanceof SyscallError) || error.errno !== E.ENOENT) throw error;
      const slash = path.lastIndexOf("/");
      using parent = open(slash < 0 ? "" : path.slice(0, slash));
      const made = syscall(SYS.mkdirat, parent.fd, kernelPath(path.slice(slash + 1)), 0o755);
      if (made !== -E.EEXIST) check("mkdir", made, path);
      return openIn(parent, path.slice(slash + 1), O_PATH | O_DIRECTORY);
    }
  };
  return { folder, pathOf: (member) => member, openParent: open };
}
