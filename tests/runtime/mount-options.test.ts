import { expect, test } from "bun:test";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_SHARED,
  MS_SLAVE,
} from "../../src/linux/abi.gen.ts";
import { parseMountOptions } from "../../src/runtime/mount-options.ts";

const parse = (...options: string[]) => parseMountOptions(options, "mounts[0].options");

test("attributes become bits to set", () => {
  expect(parse("nosuid", "nodev").set).toBe(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
});

test("the later of two contradicting options wins", () => {
  expect(parse("ro", "rw")).toMatchObject({ set: 0, clear: MOUNT_ATTR_RDONLY });
  expect(parse("rw", "ro")).toMatchObject({ set: MOUNT_ATTR_RDONLY, clear: 0 });
});

test("a way of keeping access times clears the others, as mount_setattr wants", () => {
  expect(parse("noatime")).toMatchObject({ set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR__ATIME });
});

test("recursive attributes are apart from those of the mount itself", () => {
  expect(parse("rro", "nosuid")).toMatchObject({ set: MOUNT_ATTR_NOSUID, setAll: MOUNT_ATTR_RDONLY });
});

test("propagation knows whether it goes all the way down", () => {
  expect(parse("shared")).toMatchObject({ propagation: MS_SHARED, propagationAll: false });
  expect(parse("rslave")).toMatchObject({ propagation: MS_SLAVE, propagationAll: true });
});

test("what is left is the file system's", () => {
  expect(parse("mode=755", "size=64k", "sync", "defaults").data).toEqual([
    ["mode", "755"],
    ["size", "64k"],
    ["sync", null],
  ]);
});

test("an empty option is none", () => {
  expect(parse("nosuid", "")).toEqual(parse("nosuid"));
});

test("an option without a name is refused by the field's name", () => {
  expect(() => parse("=x")).toThrow('mounts[0].options: "=x" is not an option');
});
