/**
 * Who a container's program runs as, when the image or the command line is hostile. What decides is the user in config.json: native
 * sets exactly that.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readImageFile } from "../../src/container/image-files.ts";
import { buildSpec } from "../../src/container/spec/build.ts";
import { TsboxError } from "../../src/error.ts";
import { CONTEXT, options, refusal } from "../container/spec/specification.ts";
import { temporaryFolder } from "../support/tmp.ts";

/** The user of a container whose root is `root`, made from an image that asks for `image`. */
function userOf(root: string, { image, flags = [] }: { image?: string; flags?: readonly string[] }) {
  const defaults = { Cmd: ["sh"], ...(image === undefined ? {} : { User: image }) };
  const context = { ...CONTEXT, readFile: (path: string) => readImageFile([root], path) };
  return buildSpec(options([...flags, "image"]), defaults, context).process?.user;
}

function root(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(folder, "etc"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "etc", name), text);
  return folder;
}

describe("CVE-2024-40635: a number above the largest id does not wrap around to root", () => {
  for (const user of [
    "4294967296",
    "4294967295",
    "18446744073709551616",
    `1${"0".repeat(400)}`,
    "2147483648000:1",
    "1:4294967296",
  ]) {
    test(user.length > 40 ? "a number of 401 digits" : user, () => {
      using folder = temporaryFolder();
      const path = root(folder.path, { passwd: "root:x:0:0::/root:/bin/sh\n" });
      expect(refusal(() => userOf(path, { image: user }))).toContain("is not between 0 and 4294967294");
      expect(refusal(() => userOf(path, { flags: ["-u", user] }))).toContain("is not between 0 and 4294967294");
    });
  }
});

describe("CVE-2026-46680: a number out of range is not looked up as a name", () => {
  test("an image whose /etc/passwd has a root of that name", () => {
    using folder = temporaryFolder();
    const path = root(folder.path, {
      passwd: "4294967296:x:0:0::/root:/bin/sh\n99999999999:x:0:0::/root:/bin/sh\n1000:x:0:0::/root:/bin/sh\n",
      group: "4294967296:x:0:\n1000:x:0:\n",
    });
    for (const user of ["4294967296", "99999999999", "1:4294967296"]) {
      expect(refusal(() => userOf(path, { image: user }))).toContain("is not between 0 and 4294967294");
    }
    // and a number in range is that number, whoever has it for a name
    expect(userOf(path, { image: "1000" })).toMatchObject({ uid: 1000, gid: 0 });
    expect(userOf(path, { image: "7:1000" })).toMatchObject({ uid: 7, gid: 1000 });
  });
});

describe("CVE-2026-30892: what is no user is refused, and never taken for root", () => {
  for (const user of [
    "1 ",
    " 1",
    "1\n",
    "1\0",
    "0x1",
    "1e3",
    "1.0",
    "-1",
    "+1",
    "--1",
    "1:",
    "1:2:3",
    "nobody-here",
    "root ",
    "١",
  ]) {
    test(JSON.stringify(user), () => {
      using folder = temporaryFolder();
      const path = root(folder.path, { passwd: "root:x:0:0::/root:/bin/sh\n", group: "root:x:0:\n" });
      expect(refusal(() => userOf(path, { image: user }))).toStartWith("cannot run as user");
      expect(refusal(() => userOf(path, { flags: ["-u", user] }))).toStartWith("cannot run as user");
    });
  }

  test("lines of /etc/passwd with ids that are none give nobody an id", () => {
    using folder = temporaryFolder();
    const path = root(folder.path, {
      passwd: "a:x::0::/:\nb:x:-0:0::/:\nc:x:0x0:0::/:\nd:x:4294967296:0::/:\ne:x: 0:0::/:\nf:x:1:\n",
    });
    for (const name of "abcdef") expect(refusal(() => userOf(path, { image: name }))).toContain("no such user");
  });
});

describe("CVE-2026-47262, CVE-2024-9676: /etc/passwd and /etc/group of an image may be anything", () => {
  for (const name of ["passwd", "group"]) {
    const ask = (path: string) => userOf(path, { image: name === "passwd" ? "guest" : "0:guests" });
    const own = { passwd: "root:x:0:0::/root:/bin/sh\n", group: "root:x:0:\n" };

    test(`${name} that links to an endless device is not followed`, () => {
      using folder = temporaryFolder();
      const { [name]: _, ...others } = own as Record<string, string>;
      const path = root(folder.path, others);
      symlinkSync("/dev/zero", join(path, "etc", name));
      expect(refusal(() => ask(path))).toContain(name === "passwd" ? "no such user" : "no group");
    });

    test(`${name} that links to a file of the host is not read`, () => {
      using folder = temporaryFolder();
      const { [name]: _, ...others } = own as Record<string, string>;
      const path = root(folder.join("rootfs"), others);
      writeFileSync(folder.join("secret"), "guest:x:4:4::/:\nguests:x:4:\n");
      symlinkSync(folder.join("secret"), join(path, "etc", name));
      expect(refusal(() => ask(path))).toContain(name === "passwd" ? "no such user" : "no group");
    });

    test(`${name} that is a fifo does not hang`, () => {
      using folder = temporaryFolder();
      const { [name]: _, ...others } = own as Record<string, string>;
      const path = root(folder.path, others);
      expect(Bun.spawnSync(["mkfifo", join(path, "etc", name)]).success).toBe(true);
      expect(refusal(() => ask(path))).toBe(`cannot read /etc/${name} of the image: it is not a regular file`);
    });

    test(`${name} that is a folder is refused`, () => {
      using folder = temporaryFolder();
      const { [name]: _, ...others } = own as Record<string, string>;
      const path = root(folder.path, others);
      mkdirSync(join(path, "etc", name));
      expect(refusal(() => ask(path))).toBe(`cannot read /etc/${name} of the image: it is not a regular file`);
    });

    test(`${name} of a tebibyte is refused before it fills the memory`, () => {
      using folder = temporaryFolder();
      const path = root(folder.path, own);
      truncateSync(join(path, "etc", name), 2 ** 40);
      const before = process.memoryUsage.rss();
      expect(refusal(() => ask(path))).toBe(`cannot read /etc/${name} of the image: it is larger than 1048576 bytes`);
      expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20);
    });
  }

  test("an /etc that links to the host's is not followed", () => {
    using folder = temporaryFolder();
    symlinkSync("/etc", folder.join("etc"));
    expect(refusal(() => userOf(folder.path, { image: "daemon" }))).toContain("no such user");
    expect(userOf(folder.path, {})).toMatchObject({ uid: 0, gid: 0 });
  });

  test("a file that an upper layer hides is not read from a lower one", () => {
    using folder = temporaryFolder();
    const [upper, lower] = [folder.join("upper"), folder.join("lower")];
    root(lower, { passwd: "guest:x:0:0::/root:/bin/sh\n" });
    mkdirSync(upper);
    writeFileSync(join(upper, "etc"), "now a file");
    expect(readImageFile([upper, lower], "/etc/passwd")).toBeUndefined();
    expect(readImageFile([lower], "/etc/passwd")).toContain("guest");
  });
});

test("an error of these is one sentence, with nothing of the file in it", () => {
  using folder = temporaryFolder();
  const path = root(folder.path, { passwd: `secret-${"x".repeat(2 ** 20)}\n` });
  try {
    userOf(path, { image: "guest" });
    throw new Error("nothing was thrown");
  } catch (error) {
    expect(error).toBeInstanceOf(TsboxError);
    expect(String(error)).not.toContain("secret");
    expect(String(error)).not.toContain("\n");
  }
});
