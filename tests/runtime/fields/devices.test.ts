/** `linux.devices` without the right to make any: those of the host are bound, and nothing that only has their name. */
import { describe, expect } from "bun:test";
import { runBundle } from "../../support/run-bundle.ts";
import { requires, unprivileged, userNamespaces } from "../../support/skip.ts";

const test = requires(userNamespaces, unprivileged);

const devices = (list: object[], script: string) =>
  runBundle(script, {
    edit: (config) => {
      config.linux.devices = list;
    },
  });

describe("linux.devices in a user namespace", () => {
  test("a device of the host is bound, and a fifo is made with its mode, whatever the caller's umask", () => {
    const before = process.umask(0o077);
    try {
      const script =
        "stat -c '%n %F %a %t:%T' /dev/full /dev/deep/fifo; cat /dev/deep/fifo & echo x > /dev/deep/fifo; wait";
      const list = [
        { path: "/dev/full", type: "c", major: 1, minor: 7 },
        { path: "/dev/deep/fifo", type: "p", fileMode: 0o622, uid: 0, gid: 0 },
      ];
      const { stdout, stderr } = devices(list, script);
      expect(stderr).toBe("");
      expect(stdout).toBe("/dev/full character special file 666 1:7\n/dev/deep/fifo fifo 622 0:0\nx\n");
    } finally {
      process.umask(before);
    }
  });

  test("what is another device on the host, or none, is refused by name", () => {
    const refusal = (path: string, minor: number, type = "c") =>
      devices([{ path, type, major: 1, minor }], "true").stderr;
    expect(refusal("/dev/full", 3)).toContain("cannot bind the host's /dev/full");
    expect(refusal("/dev/full", 7, "b")).toContain("cannot bind the host's /dev/full");
    expect(refusal("/dev/is-not-there", 3)).toContain("cannot bind the host's /dev/is-not-there");
  });
});
