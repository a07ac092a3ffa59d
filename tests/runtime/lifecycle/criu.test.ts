/** What is said to CRIU, and what of a container's mounts is the host's. CRIU itself: tests/vm/checkpoint.test.ts. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import type { RuntimeConfig } from "../../../src/oci/index.ts";
import { clearDeathSignal } from "../../../src/runtime/lifecycle/criu/death-signal.ts";
import { makeMountPoints } from "../../../src/runtime/lifecycle/criu/mount-points.ts";
import {
  externalMounts,
  type MountLine,
  mountsOf,
  sourceAtRestore,
} from "../../../src/runtime/lifecycle/criu/mounts.ts";
import { packetPair, receivePacket, sendPacket } from "../../../src/runtime/lifecycle/criu/packet.ts";
import { decodeMessage, encodeMessage } from "../../../src/runtime/lifecycle/criu/protobuf.ts";
import { temporaryFolder } from "../../support/tmp.ts";

test("messages have the bytes that protocol buffers prescribe", () => {
  // the examples of the encoding's documentation
  expect([...encodeMessage([[1, 150]])]).toEqual([0x08, 0x96, 0x01]);
  expect([...encodeMessage([[2, "testing"]])]).toEqual([0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
  expect([
    ...encodeMessage([
      [1, true],
      [16, undefined],
      [2, ["a", "b"]],
    ]),
  ]).toEqual([8, 1, 18, 1, 97, 18, 1, 98]);
});

test("what was encoded is decoded, large numbers too", () => {
  const inner = encodeMessage([
    [1, 4294967295],
    [2, "text"],
  ]);
  const outer = decodeMessage(
    encodeMessage([
      [5, inner],
      [34, 3],
    ]),
  );
  expect(outer.get(34)).toBe(3);
  expect(outer.get(5)).toEqual(inner);
  expect(decodeMessage(inner).get(1)).toBe(4294967295);
});

test("a message that is cut or has other forms is refused", () => {
  const whole = encodeMessage([[2, "testing"]]);
  for (let size = 1; size < whole.length; size++) expect(() => decodeMessage(whole.slice(0, size))).toThrow(RangeError);
  expect(() => decodeMessage(new Uint8Array([0x0d, 0, 0, 0, 0]))).toThrow(RangeError);
});

test("packets keep their borders, and the end is told", () => {
  const [a, b] = packetPair();
  sendPacket(a, new Uint8Array([1, 2]));
  sendPacket(a, new Uint8Array([3]));
  expect(receivePacket(b)).toEqual({ bytes: new Uint8Array([1, 2]), fd: undefined });
  expect(receivePacket(b)?.bytes).toEqual(new Uint8Array([3]));
  const { close } = process.getBuiltinModule("node:fs");
  close(a, () => {});
  expect(receivePacket(b)).toBeUndefined();
});

test("the death signal is taken out of an image, and nothing else", () => {
  using folder = temporaryFolder();
  const path = folder.join("core-1.img");
  const image = (signal: number) => {
    const thread = encodeMessage([
      [1, 9],
      [2, 24],
      [7, encodeMessage([[8, 9]])],
      [8, signal],
      [13, "sh"],
    ]);
    const entry = encodeMessage([
      [1, 1],
      [3, encodeMessage([[8, 9]])],
      [5, thread],
    ]);
    return new Uint8Array([...new Uint8Array(12), ...entry]);
  };
  writeFileSync(path, image(9));
  expect(clearDeathSignal(path)).toBe(true);
  expect(new Uint8Array(readFileSync(path))).toEqual(image(0));
  writeFileSync(path, image(15));
  expect(clearDeathSignal(path)).toBe(false);
  expect(new Uint8Array(readFileSync(path))).toEqual(image(15));
});

const line = (id: number, parent: number, device: string, root: string, place: string, type = "ext4"): MountLine => ({
  ...{ id, parent, device, root, place, type },
});

test("the host's mounts are external, and found where the host has them", () => {
  const host = [
    line(1, 0, "8:1", "/", "/"),
    line(2, 1, "8:2", "/data", "/srv"),
    line(3, 1, "0:5", "/", "/dev", "devtmpfs"),
    line(4, 1, "0:9", "/", "/sys", "sysfs"),
  ];
  const inside = [
    line(10, 9, "8:1", "/b/rootfs", "/"),
    line(11, 10, "0:40", "/", "/proc", "proc"),
    line(12, 11, "0:5", "/null", "/proc/keys", "devtmpfs"),
    line(13, 10, "8:2", "/data/x", "/vol"),
    line(14, 10, "0:41", "/", "/tmp", "tmpfs"),
    line(15, 10, "0:9", "/", "/sys", "sysfs"),
    line(16, 10, "8:1", "/etc/hosts", "/etc/hosts"),
    line(17, 16, "8:1", "/etc/hosts", "/etc/hosts"),
  ];
  expect(externalMounts(inside, host)).toEqual([
    { place: "/proc/keys", source: "/dev/null" },
    { place: "/vol", source: "/srv/x" },
    { place: "/etc/hosts", source: "/etc/hosts" },
  ]);
});

test("restore mounts what the new config.json says, else what was there", () => {
  const config = {
    ociVersion: "1.0.0",
    mounts: [{ destination: "/vol/", type: "bind", source: "data", options: ["rbind"] }],
  } as RuntimeConfig; // cast: what is not looked at is left out
  expect(sourceAtRestore({ place: "/vol", source: "/old" }, config, "/b")).toBe("/b/data");
  expect(sourceAtRestore({ place: "/proc/keys", source: "/dev/null" }, config, "/b")).toBe("/dev/null");
});

test("the kernel's own list of mounts is read", () => {
  const mounts = mountsOf("self");
  expect(mounts.find(({ place }) => place === "/proc")?.type).toBe("proc");
  expect(mounts.every(({ id, parent }) => id > 0 && parent >= 0)).toBe(true);
});

test("mount points are made inside, wherever links lead", () => {
  using folder = temporaryFolder();
  const rootfs = folder.join("rootfs");
  mkdirSync(rootfs);
  mkdirSync(folder.join("outside"));
  symlinkSync("../../outside", `${rootfs}/link`);
  symlinkSync(folder.join("outside"), `${rootfs}/absolute`);
  mkdirSync(`${rootfs}/outside`);
  makeMountPoints(rootfs, [
    { place: "/a/b", isFolder: true },
    { place: "/etc/hosts", isFolder: false },
    { place: "/link/c", isFolder: true },
  ]);
  expect(statSync(`${rootfs}/a/b`).isDirectory()).toBe(true);
  expect(statSync(`${rootfs}/etc/hosts`).isFile()).toBe(true);
  expect(readdirSync(`${rootfs}/outside`)).toEqual(["c"]);
  expect(() => makeMountPoints(rootfs, [{ place: "/absolute/d", isFolder: true }])).toThrow();
  expect(readdirSync(folder.join("outside"))).toEqual([]);
});
