/** Unix sockets of whoever called tsbox: for the terminal, for pidfds. */
import { O_DIRECTORY, O_PATH } from "../../linux/abi.gen.ts";
import type { Program, Slot } from "../../plan/index.ts";

/** struct sockaddr_un has room for 108 bytes; a longer path is reached from its folder. */
const SOCKET_PATH_LIMIT = 107;

/** Connects before there is anything that would have to be undone. */
export function addConnection(outside: Program, path: string): Slot {
  const socket = outside.slot();
  const note = `connect to ${path}`;
  if (Buffer.byteLength(path) <= SOCKET_PATH_LIMIT) {
    outside.add("connect_unix", [socket, path], { note });
    return socket;
  }
  const here = outside.slot();
  const slash = path.lastIndexOf("/");
  outside.add("openat2", [here, null, ".", O_PATH | O_DIRECTORY, 0, 0], { note: "open the working folder" });
  outside.add("chdir", [path.slice(0, slash) || "/"], { note });
  outside.add("connect_unix", [socket, path.slice(slash + 1)], { note });
  outside.add("fchdir", [here], { note: "go back to the working folder" });
  outside.add("close", [here]);
  return socket;
}
