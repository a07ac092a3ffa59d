/** Mounts of a container without a mount namespace, which would outlive it. */
import { MNT_DETACH, SYS, UMOUNT_NOFOLLOW } from "../../linux/abi.gen.ts";
import { readText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";

/** Octal escapes of blanks and such: proc_pid_mountinfo(5). */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Unmounts all that is mounted below a folder, the last mounted first; not what is mounted on the folder itself. */
export function unmountBelow(folder: string): void {
  const places = readText("/proc/self/mountinfo")
    .split("\n")
    .map((line) => unescaped(line.split(" ")[4] ?? ""))
    .filter((place) => place.startsWith(`${folder}/`));
  for (const place of places.reverse()) syscall(SYS.umount2, cstring(place), MNT_DETACH | UMOUNT_NOFOLLOW);
}
