import { expect, test } from "bun:test";
import { explainUserNamespaceFailure, parseUserns, userNamespaceSwitches } from "../../src/idmap/index.ts";
import { madeUpHosts } from "../support/made-up-host.ts";

const host = madeUpHosts();

const CLONE = "/proc/sys/kernel/unprivileged_userns_clone";
const LIMIT = "/proc/sys/user/max_user_namespaces";
const APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

test.each([
  [{ [LIMIT]: "0\n" }, "user.max_user_namespaces=15000"],
  [{ [CLONE]: "0\n", [LIMIT]: "100\n" }, "kernel.unprivileged_userns_clone=1"],
  [{ [APPARMOR]: "1\n", "/proc/self/attr/current": "unconfined\n" }, "kernel.apparmor_restrict_unprivileged_userns=0"],
])("the switch %j is found, with the sysctl that ends it", (files, remedy) => {
  const [found, ...others] = userNamespaceSwitches(host(files));
  expect(found?.remedy).toContain(remedy);
  expect(others).toEqual([]);
});
test("settings that permit user namespaces are no obstacles", () => {
  expect(userNamespaceSwitches(host({ [CLONE]: "1\n", [LIMIT]: "100\n", [APPARMOR]: "0\n" }))).toEqual([]);
});
test("AppArmor's restriction does not concern a program with a profile", () => {
  const files = { [APPARMOR]: "1\n", "/proc/self/attr/current": "tsbox (unconfined)\n" };
  expect(userNamespaceSwitches(host(files))).toEqual([]);
});
test.each([
  ["ENOSPC", { [LIMIT]: "100\n" }, "userns-limit"],
  ["EPERM", { "/proc/self/status": "Name:\tx\nSeccomp:\t2\n" }, "seccomp"],
  ["EPERM", { "/proc/self/status": "Seccomp:\t0\n", "/proc/self/mountinfo": "1 2 8:1 / /home rw\n" }, "chroot"],
  ["EPERM", { "/proc/self/status": "Seccomp:\t0\n", "/proc/self/mountinfo": "1 2 8:1 / / rw\n" }, "refused"],
  ["EPERM", { [CLONE]: "0\n", "/proc/self/status": "Seccomp:\t2\n" }, "kernel.unprivileged_userns_clone"],
  ["EINVAL", {}, "no-userns"],
] as Array<[string, Record<string, string>, string]>)("%s with %j is explained as %s", (errno, files, code) => {
  expect(explainUserNamespaceFailure(errno, host(files)).code).toBe(code);
});
test.each([
  ["auto", { mode: "auto" }],
  ["host", { mode: "host" }],
  ["keep-id", { mode: "keep-id" }],
  ["keep-id:uid=5,gid=7", { mode: "keep-id", uid: 5, gid: 7 }],
  ["keep-id:gid=0", { mode: "keep-id", gid: 0 }],
])("--userns=%s is read", (text, mode) => {
  expect(parseUserns(text)).toEqual(mode as ReturnType<typeof parseUserns>);
});
test.each([
  "",
  "keep",
  "keep-id:",
  "keep-id:uid=",
  "keep-id:uid=-1",
  "keep-id:uid=4294967295",
  "keep-id:size=5",
  "keep-id:uid=1:2",
  "auto:x",
])("--userns=%s is refused", (text) => {
  expect(() => parseUserns(text)).toThrow("cannot use --userns=");
});
