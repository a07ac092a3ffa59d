/** Runs a command in a new session keyring that holds a key: `bun with-secret-key.ts COMMAND...`. keyctl(2), add_key(2) */
import { check } from "../../../src/linux/errno.ts";
import { cstring, syscall } from "../../../src/linux/syscall.ts";

const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_SETPERM = 5;
/** /proc/keys shows it to nobody but those whose keyrings lead to it. */
const POSSESSOR_ONLY = 0x3f000000;
const KEY_SPEC_SESSION_KEYRING = -3;
const ADD_KEY = process.arch === "arm64" ? 217 : 248;
const KEYCTL = process.arch === "arm64" ? 219 : 250;

// of the whole process: children have the session keyring of the thread that makes them
check("keyctl", syscall(KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, cstring("tsbox-secret-ring")));
const secret = new TextEncoder().encode("secret");
const key = check(
  "add_key",
  syscall(ADD_KEY, cstring("user"), cstring("tsbox-secret-key"), secret, secret.length, KEY_SPEC_SESSION_KEYRING),
);
check("keyctl", syscall(KEYCTL, KEYCTL_SETPERM, key, POSSESSOR_ONLY));
const child = Bun.spawnSync(process.argv.slice(2), { stdin: "inherit", stdout: "inherit", stderr: "inherit" });
process.exit(child.exitCode);
