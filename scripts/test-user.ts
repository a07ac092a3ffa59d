/**
 * The users that the tests run as when root starts them, as CI does:
 *
 * - `tsbox-ci`: an ordinary person with 65536 subordinate ids;
 * - `tsbox-nosubid`: one without any, for what happens then.
 *
 * Both are made once and left there; making them again changes nothing.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";

export type TestUser = { readonly name: string; readonly uid: number; readonly home: string; readonly runtime: string };

/** @throws Error when useradd or usermod refuses */
export function makeTestUser(name: "tsbox-ci" | "tsbox-nosubid"): TestUser {
  let entry = passwdEntry(name);
  if (entry === undefined) {
    // useradd hands out subordinate ids by itself, depending on login.defs; a count of 0 prevents it.
    const none = ["--key", "SUB_UID_COUNT=0", "--key", "SUB_GID_COUNT=0"];
    command(["useradd", "--create-home", "--user-group", "--shell", "/bin/bash", ...none, name]);
    entry = passwdEntry(name);
  }
  if (entry === undefined) throw new Error(`cannot make the user ${name}: useradd made none`);
  if (name === "tsbox-ci") giveSubordinateIds(name);
  // What a login session has from pam_systemd.
  const runtime = `/run/${name}`;
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  chmodSync(runtime, 0o700);
  chownSync(runtime, entry.uid, entry.gid);
  return { name, uid: entry.uid, home: entry.home, runtime };
}

/** The command line that runs `command` as `user`, in an environment without anything of root's. */
export function asUser(user: TestUser, command: readonly string[], env: Readonly<Record<string, string>>): string[] {
  const own = { HOME: user.home, USER: user.name, LOGNAME: user.name, XDG_RUNTIME_DIR: user.runtime, LANG: "C.UTF-8" };
  const variables = Object.entries({ PATH: process.env.PATH ?? "/usr/bin:/bin", ...own, ...env });
  const assignments = variables.map(([key, value]) => `${key}=${value}`);
  return ["runuser", "-u", user.name, "--", "env", "-i", ...assignments, ...command];
}

/** Root can open these in any mode; the programs that make a person's network and file systems cannot. */
export function openDevices(): void {
  for (const device of ["/dev/fuse", "/dev/net/tun"]) if (existsSync(device)) chmodSync(device, 0o666);
}

function passwdEntry(name: string): { uid: number; gid: number; home: string } | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${name}:`));
  const [, , uid, gid, , home] = line?.split(":") ?? [];
  return home === undefined ? undefined : { uid: Number(uid), gid: Number(gid), home };
}

/** Appends a range of 65536 above all that are handed out, to both files, unless the user has one. */
function giveSubordinateIds(name: string): void {
  for (const [file, flag] of [
    ["/etc/subuid", "--add-subuids"],
    ["/etc/subgid", "--add-subgids"],
  ] as const) {
    const rows = existsSync(file)
      ? readFileSync(file, "utf8")
          .split("\n")
          .map((line) => line.split(":"))
      : [];
    if (rows.some(([owner]) => owner === name)) continue;
    const first = Math.max(100_000, ...rows.map(([, start, count]) => (Number(start) || 0) + (Number(count) || 0)));
    command(["usermod", flag, `${first}-${first + 65_535}`, name]);
  }
}

function command(line: string[]): void {
  const { success, stderr } = Bun.spawnSync(line);
  if (!success) throw new Error(`cannot run ${line.join(" ")}: ${stderr.toString().trim()}`);
}
