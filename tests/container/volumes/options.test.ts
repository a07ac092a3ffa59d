/** What `volume create -o` may say. */
import { expect, test } from "bun:test";
import { volumeKind } from "../../../src/container/volumes/index.ts";
import { refusal } from "../spec/specification.ts";

test("without options it is a folder of the store", () => {
  expect(volumeKind({})).toEqual({ type: "folder" });
});

for (const options of [
  { type: "none", device: "/srv", o: "bind" },
  { type: "bind", device: "/srv" },
  { device: "/srv", o: "rbind" },
])
  test(`a folder of the host: ${JSON.stringify(options)}`, () => {
    expect(volumeKind(options)).toMatchObject({ type: "bind", device: "/srv" });
  });

test("options of a bind and of a tmpfs are mount(8)'s", () => {
  expect(volumeKind({ type: "none", device: "/srv", o: "bind,ro,nosuid" })).toMatchObject({
    options: ["bind", "ro", "rro", "nosuid", "rprivate"],
  });
  expect(volumeKind({ type: "tmpfs", device: "tmpfs", o: "size=1m,uid=7" })).toMatchObject({
    type: "tmpfs",
    options: expect.arrayContaining(["size=1048576", "uid=7"]),
  });
});

for (const [options, message] of [
  [
    { type: "nfs", device: ":/x", o: "addr=h" },
    "cannot make a volume of type nfs: only root can mount it; without root there are type=tmpfs and type=bind",
  ],
  [
    { device: "/dev/sda1" },
    "cannot make a volume of type none: only root can mount it; without root there are type=tmpfs and type=bind",
  ],
  [{ type: "bind" }, "cannot make the volume: a bind takes device=, an absolute path"],
  [{ type: "bind", device: "srv" }, "cannot make the volume: a bind takes device=, an absolute path"],
  [{ type: "ext4", device: "/x", o: "bind" }, "cannot make the volume: type=ext4 and o=bind exclude each other"],
  [{ size: "1g" }, 'cannot make the volume: there is no option "size"; there are type, device and o'],
  [{ type: "tmpfs", o: "color=red" }, 'cannot use -o type=tmpfs: "color=red" is not an option'],
] as const)
  test(message, () => expect(refusal(() => volumeKind({ ...options }))).toBe(message));
