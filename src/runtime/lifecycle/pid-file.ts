/** `--pid-file` */
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from "../../linux/abi.gen.ts";
import { encode, type Program, SUBJECT_PID } from "../../plan/index.ts";

/**
 * Writes the subject's pid in decimal. Under another name first, which becomes the file: whoever waits for it never reads half of it, and a
 * link that somebody put in its place is replaced instead of followed.
 */
export function addPidFile(program: Program, path: string | undefined): void {
  if (path === undefined) return;
  const slash = path.lastIndexOf("/") + 1;
  const fresh = `${path.slice(0, slash)}.${path.slice(slash)}.${process.pid}`;
  const note = `write ${path}`;
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  program.add("write_file", [null, fresh, encode(SUBJECT_PID), flags], { expand: true, note });
  program.add("renameat", [null, fresh, null, path], { note });
}
