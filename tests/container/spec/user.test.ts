import { describe, expect, test } from "bun:test";
import { resolveUser } from "../../../src/container/spec/user.ts";
import { FILES, refusal } from "./specification.ts";

const read = (path: string) => FILES[path];
const of = (spec: string, extra: readonly string[] = []) => {
  const { uid, gid, groups, home } = resolveUser(spec, extra, read);
  return `${uid}:${gid} [${groups}] ${home ?? "-"}`;
};

const GOOD: readonly (readonly [spec: string, result: string])[] = [
  ["", "0:0 [0] /root"],
  ["root", "0:0 [0] /root"],
  ["0", "0:0 [0] /root"],
  ["guest", "1000:1000 [1000,29,100] /home/guest"],
  // as runc: a number that /etc/passwd knows is that user, with that user's groups
  ["1000", "1000:1000 [1000,29,100] /home/guest"],
  ["01000", "1000:1000 [1000,29,100] /home/guest"],
  // one that it does not know is in group 0
  ["4242", "4242:0 [0] -"],
  ["guest:audio", "1000:29 [29] /home/guest"],
  ["guest:0", "1000:0 [0] /home/guest"],
  ["4242:4343", "4242:4343 [4343] -"],
  [":audio", "0:29 [29] /root"],
  ["4294967294", "4294967294:0 [0] -"],
];

describe("users", () => {
  for (const [spec, result] of GOOD) test(`${JSON.stringify(spec)} is ${result}`, () => expect(of(spec)).toBe(result));

  test("--group-add adds names and numbers, each once", () => {
    expect(of("guest", ["audio", "7", "100", "7"])).toBe("1000:1000 [1000,29,100,7] /home/guest");
  });
});

const BAD: readonly (readonly [spec: string, message: string])[] = [
  ["nobody", 'cannot run as user "nobody": no such user in the image\'s /etc/passwd'],
  ["guest:video", 'cannot run as user "guest:video": no group "video" in the image\'s /etc/group'],
  ["guest:", 'cannot run as user "guest:": expected USER[:GROUP]'],
  ["a:b:c", 'cannot run as user "a:b:c": expected USER[:GROUP]'],
  ["-1", 'cannot run as user "-1": expected USER[:GROUP]'],
  ["+1", 'cannot run as user "+1": expected USER[:GROUP]'],
  [" 1000", 'cannot run as user " 1000": expected USER[:GROUP]'],
  ["1000 ", 'cannot run as user "1000 ": expected USER[:GROUP]'],
  ["4294967295", 'cannot run as user "4294967295": 4294967295 is not between 0 and 4294967294'],
  ["4294967296", 'cannot run as user "4294967296": 4294967296 is not between 0 and 4294967294'],
  ["guest:4294967296", 'cannot run as user "guest:4294967296": 4294967296 is not between 0 and 4294967294'],
];

describe("users that are refused, in one sentence", () => {
  for (const [spec, message] of BAD) {
    test(JSON.stringify(spec), () => expect(refusal(() => of(spec))).toBe(message));
  }
});

test("a group that there is not is said to be --group-add's", () => {
  expect(refusal(() => of("", ["video"]))).toBe(
    'cannot use --group-add "video": no such group in the image\'s /etc/group',
  );
  expect(refusal(() => of("", ["4294967296"]))).toBe(
    'cannot use --group-add "4294967296": it is not between 0 and 4294967294',
  );
});

test("an image without /etc/passwd runs as root and as numbers", () => {
  const none = () => undefined;
  expect(resolveUser("", [], none)).toEqual({ uid: 0, gid: 0, groups: [0], home: undefined });
  expect(resolveUser("5:6", [], none)).toEqual({ uid: 5, gid: 6, groups: [6], home: undefined });
  expect(refusal(() => resolveUser("guest", [], none))).toContain("no such user");
});

test("lines that are no entries are passed over", () => {
  const files: Record<string, string> = {
    "/etc/passwd":
      "#comment\n\n:x:0:0::/:/bin/sh\nshort:x\nbad:x:one:0::/:\nneg:x:-1:0::/:\nbig:x:4294967296:0::/:\nok:x:7:8::/o:\n",
    "/etc/group": "ok:x:8:\nbroken\ng:x:9:ok,other\n",
  };
  const lookUp = (spec: string) => resolveUser(spec, [], (path) => files[path]);
  expect(lookUp("ok")).toEqual({ uid: 7, gid: 8, groups: [8, 9], home: "/o" });
  for (const name of ["#comment", "short", "bad", "neg", "big"])
    expect(refusal(() => lookUp(name))).toContain("no such user");
});

test("the group file is read only when a group has to be found", () => {
  const asked: string[] = [];
  resolveUser("4242:1", [], (path) => {
    asked.push(path);
    return FILES[path];
  });
  expect(asked).toEqual(["/etc/passwd"]);
});
