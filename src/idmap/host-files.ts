/** Reading the small text files of `/etc` and `/proc` that decide about ids. */
import { readShortText } from "../linux/read-text.ts";

/**
 * The text of a host's file, or undefined when it cannot be read; for settings that are absent on most hosts.
 * `root` is put before the path: `""` for this host, a folder in tests.
 */
export function readHostFile(path: string, root = ""): string | undefined {
  return readShortText(root + path);
}

/** A number from a file of `/proc/sys`, or undefined when the kernel does not have that setting. */
export function readSysctl(name: string, root = ""): number | undefined {
  const text = readHostFile(`/proc/sys/${name.replaceAll(".", "/")}`, root)?.trim();
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}
