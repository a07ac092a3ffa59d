/** Lines for /etc/passwd and /etc/group of users whom the image does not know. The expected ones are what podman 5.4 adds. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parseArgs } from "../../src/cli/args.ts";
import { RUN } from "../../src/cli/run-flags.ts";
import { readRunOptions } from "../../src/cli/run-options.ts";
import { chooseAccounts } from "../../src/container/accounts.ts";
import { readImageFile } from "../../src/container/image-files.ts";
import { TsboxError } from "../../src/error.ts";
import { chooseMapping } from "../../src/idmap/index.ts";
import type { ContainerDefaults } from "../../src/oci/index.ts";
import { requires, unprivileged } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { FILES, GROUP, options, PASSWD } from "./spec/specification.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const IMAGE = { image: { layersFolder: "/layers", layers: ["a"] }, driver: "overlay" } as const;

/** What is added, by path. */
function added(
  flags: readonly string[],
  given: { files?: Record<string, string>; defaults?: ContainerDefaults; readFile?: (path: string) => string } = {},
): Record<string, string> {
  const files: Record<string, string | undefined> = { ...FILES, ...given.files };
  const asked = options([...flags, "img"]);
  const container = {
    options: asked,
    defaults: given.defaults ?? {},
    mapping: chooseMapping(asked.userns).mapping,
    folder: folder.path,
    root: IMAGE,
  };
  const { additions } = chooseAccounts(container, given.readFile ?? ((path) => files[path]));
  return Object.fromEntries(additions.map(({ path, text }) => [path, text]));
}

const both = (passwd: string, group: string) => ({ "/etc/passwd": `${passwd}\n`, "/etc/group": `${group}\n` });

describe("what is added for a user", () => {
  const cases: [string, readonly string[], Record<string, string>][] = [
    [
      "who is a number that the image does not know",
      ["-u1234"],
      both("1234:*:1234:0:container user:/:/bin/sh", "1234:x:1234:1234"),
    ],
    [
      "with a group, in another working folder",
      ["-u1234:777", "-w/tmp"],
      both("1234:*:1234:777:container user:/tmp:/bin/sh", "777:x:777:1234"),
    ],
    [
      "in a group that the image has",
      ["-u1234:users"],
      { "/etc/passwd": "1234:*:1234:100:container user:/:/bin/sh\n" },
    ],
    ["whom the image knows, in a group that it does not", ["-uguest:777"], { "/etc/group": "777:x:777:guest\n" }],
    ["who is root, in such a group", ["-u0:777"], { "/etc/group": "777:x:777:0\n" }],
    ["whom the image knows", ["-uguest"], {}],
    ["whom the image knows by number", ["-u1000"], {}],
    ["who is root", ["-u0:0"], {}],
    ["whom nobody knows by that name", ["-unobody-knows"], {}],
    ["in a group that nobody knows by that name", ["-u1234:nobody-knows"], {}],
    ["whose number is too large", ["-u4294967295"], {}],
    [
      "with lines of one's own",
      [
        "-u1234",
        "--passwd-entry=$USERNAME:x:$UID:$GID:$NAME:$HOME:/bin/bash",
        "--group-entry=$GROUPNAME:y:$GID:$USERLIST,z",
      ],
      both("1234:x:1234:0:container user:/:/bin/bash", "1234:y:1234:1234,z"),
    ],
    [
      "with other words than the variables in them",
      ["-u1234:0", "--passwd-entry=$UIDX $uid $"],
      { "/etc/passwd": "$UIDX $uid $\n" },
    ],
    ["whose /etc/passwd is mounted", ["-u1234", "-v/dev/null:/etc/passwd"], { "/etc/group": "1234:x:1234:1234\n" }],
  ];
  test.each(cases)("%s", (_, flags, lines) => {
    expect(added(flags)).toEqual(lines);
  });

  test("whom the image names itself, in its own working folder", () => {
    expect(added([], { defaults: { User: "4444", WorkingDir: "/work" } })).toEqual(
      both("4444:*:4444:0:container user:/work:/bin/sh", "4444:x:4444:4444"),
    );
  });

  test("a working folder cannot bring further fields or lines", () => {
    const WorkingDir = "/x:/bin/bash\nother::0:0::/:/bin/sh";
    expect(added(["-u1234:0"], { defaults: { WorkingDir } })).toEqual({
      "/etc/passwd": "1234:*:1234:0:container user:/:/bin/sh\n",
    });
  });

  test("a last line without its end gets it first", () => {
    const files = { "/etc/passwd": PASSWD.trimEnd(), "/etc/group": GROUP.trimEnd() };
    expect(added(["-u1234"], { files })).toEqual({
      "/etc/passwd": "\n1234:*:1234:0:container user:/:/bin/sh\n",
      "/etc/group": "\n1234:x:1234:1234\n",
    });
  });

  test("nothing to files that cannot be read", () => {
    const readFile = (path: string): string => {
      throw new TsboxError("invalid", `cannot read ${path}`);
    };
    expect(added(["-u1234"], { readFile })).toEqual({});
  });
});

describe("with keep-id", () => {
  const ids = [process.getuid?.() ?? 0, process.getgid?.() ?? 0] as const;
  const lines = (path: string) =>
    readFileSync(path, "utf8")
      .split("\n")
      .map((line) => line.split(":"));
  const user = lines("/etc/passwd").find((fields) => fields[2] === String(ids[0])) ?? [];
  const group = lines("/etc/group").find((fields) => fields[2] === String(ids[1])) ?? [];
  const comment = user[4]?.split(",")[0];
  const groupLine = `${group[0]}:x:${ids[1]}:${user[0]}`;
  const own = (home: string, gid = ids[1]) => `${user[0]}:*:${ids[0]}:${gid}:${comment}:${home}:/bin/sh`;

  const onlyRoot = { "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "/etc/group": "root:x:0:\n" };
  const keep = (flags: readonly string[], files: Record<string, string> = onlyRoot) =>
    added(["--userns=keep-id", ...flags], { files });

  requires(unprivileged)("the caller is added under the name that the host has", () => {
    expect(keep([])).toEqual(both(own("/"), groupLine));
    expect(keep(["-w/tmp"])).toEqual(both(own("/tmp"), groupLine));
  });

  requires(unprivileged)("the home is the host's where that is mounted, or a folder above it", () => {
    const [, , , , , home = ""] = user;
    const parent = home.slice(0, home.lastIndexOf("/"));
    for (const place of [home, ...(parent === "" ? [] : [parent])])
      expect(keep([`-v/tmp:${place}`])).toEqual(both(own(home), groupLine));
    expect(keep([`-v/tmp:${home}-not`])).toEqual(both(own("/"), groupLine));
  });

  requires(unprivileged)("other ids inside are numbers", () => {
    expect(added(["--userns=keep-id:uid=500,gid=600"])).toEqual(
      both("500:*:500:600:container user:/:/bin/sh", "600:x:600:500"),
    );
    expect(added(["--userns=keep-id:gid=101"], { files: onlyRoot })).toEqual(
      both(own("/", 101), `101:x:101:${ids[0]}`),
    );
  });

  requires(unprivileged)("the caller is added also when somebody else runs", () => {
    expect(keep(["-uroot"])).toEqual(both(own("/"), groupLine));
    expect(keep(["-u4321"])).toEqual(
      both(`${own("/")}\n4321:*:4321:0:container user:/:/bin/sh`, `${groupLine}\n4321:x:4321:4321`),
    );
  });

  requires(unprivileged)("whom the image knows by that number stays who that is, and one of that name too", () => {
    const known = { "/etc/passwd": `seven:x:${ids[0]}:5::/seven:/b\n`, "/etc/group": `x:x:${ids[1]}:\n` };
    expect(keep([], known)).toEqual({});
    const namesake = { "/etc/passwd": `${user[0]}:x:5:5::/a:/b\n`, "/etc/group": `${group[0]}:x:5:\n` };
    expect(keep([], namesake)).toEqual(
      both(`${ids[0]}:*:${ids[0]}:${ids[1]}:${comment}:/:/bin/sh`, `${ids[1]}:x:${ids[1]}:${ids[0]}`),
    );
  });
});

test("users are looked up in what there will be, but the new group is nobody's supplementary one", () => {
  const container = { options: options(["-u1234", "-w/tmp", "img"]), defaults: {}, mapping: chooseMapping().mapping };
  const { readFile } = chooseAccounts({ ...container, folder: folder.path, root: IMAGE }, (path) => FILES[path]);
  expect(readFile("/etc/passwd")).toBe(`${PASSWD}1234:*:1234:0:container user:/tmp:/bin/sh\n`);
  expect(readFile("/etc/group")).toBe(GROUP);
});

test("a person's own folder stays as it is: the files are mounted", () => {
  const container = { options: options(["-u1234", "img"]), defaults: {}, mapping: chooseMapping().mapping };
  const readFile = (path: string) => (path === "/etc/passwd" ? PASSWD : undefined);
  const accounts = chooseAccounts({ ...container, folder: folder.path, root: undefined }, readFile);
  expect(accounts.additions).toEqual([]);
  // a file that is not there is not made
  expect(accounts.files).toEqual({ "/etc/passwd": folder.join("passwd") });
  expect(readFileSync(folder.join("passwd"), "utf8")).toBe(`${PASSWD}1234:*:1234:0:container user:/:/bin/sh\n`);
});

test("an image's file that is too large, or a link, is not added to, nor what it leads to", () => {
  using image = temporaryFolder();
  Bun.spawnSync(["sh", "-ec", "mkdir etc; truncate -s 2M etc/group; ln -s /etc/passwd etc/passwd"], {
    cwd: image.path,
  });
  const before = readFileSync("/etc/passwd", "utf8");
  const container = { options: options(["-u1234", "img"]), defaults: {}, mapping: chooseMapping().mapping };
  const accounts = chooseAccounts({ ...container, folder: folder.path, root: undefined }, (path) =>
    readImageFile([image.path], path),
  );
  expect(accounts.files).toEqual({});
  expect(readFileSync("/etc/passwd", "utf8")).toBe(before);
});

describe("flags that could not do what they are for are refused", () => {
  const read = (...flags: string[]) => readRunOptions(parseArgs(RUN, [...flags, "img"], true), {}, "/");
  test("--passwd=false with lines of one's own", () => {
    expect(read("--passwd=false").accounts).toBe(false);
    expect(read("--passwd").accounts).toEqual({ passwd: undefined, group: undefined });
    for (const flag of ["--passwd-entry=x", "--group-entry=x"])
      expect(() => read("--passwd=false", flag)).toThrow("nothing is added then");
  });
  test("more than one line", () => {
    for (const flag of ["passwd-entry", "group-entry"])
      expect(() => read(`--${flag}`, "a\nb")).toThrow(`cannot use --${flag} "a\\nb": it is more than one line`);
  });
});
