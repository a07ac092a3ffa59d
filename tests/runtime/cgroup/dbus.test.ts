import { expect, test } from "bun:test";
import { socketOf } from "../../../src/runtime/cgroup/systemd/connection.ts";
import { Reader, typesOf, type Value, Writer } from "../../../src/runtime/cgroup/systemd/marshal.ts";
import { decodeMessage, encodeMessage, messageLength } from "../../../src/runtime/cgroup/systemd/message.ts";

function marshal(signature: string, ...values: Value[]): string {
  const writer = new Writer();
  writer.values(signature, values);
  return Buffer.from(writer.bytes).toString("hex");
}

// the first two are the specification's own examples, in "Marshaling (Wire Format)", in little-endian order
test.each<[string, Value[], string]>([
  ["sss", ["foo", "+", "bar"], "03000000666f6f00010000002b000000030000006261720" + "0"],
  ["ax", [[5n]], "08000000" + "00000000" + "0500000000000000"],
  ["yu", [1, 2], "0100000002000000"],
  ["v", [{ signature: "u", value: 7 }], "01750000" + "07000000"],
  [
    "a(sv)",
    [[["a", { signature: "b", value: true }]]],
    "10000000" + "00000000" + "01000000" + "6100" + "016200" + "000000" + "01000000",
  ],
  ["ay", [Uint8Array.of(1, 2)], "020000000102"],
  ["ax", [[]], "00000000" + "00000000"],
  ["t", [0xffff_ffff_ffff_ffffn], "ffffffffffffffff"],
])("%s is what the specification says", (signature, values, hex) => {
  expect(marshal(signature, ...values)).toBe(hex);
  expect(new Reader(Buffer.from(hex, "hex")).values(signature)).toEqual(values);
});

test("signatures are split into complete types", () => {
  expect(typesOf("ssa(sv)a(sa(sv))yaas")).toEqual(["s", "s", "a(sv)", "a(sa(sv))", "y", "aas"]);
  for (const bad of ["a", "(s", "a(s"]) expect(() => typesOf(bad)).toThrow("is no signature");
});

test("a message comes back as it was", () => {
  const message = {
    type: 1,
    serial: 77,
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "StartTransientUnit",
    destination: "org.freedesktop.systemd1",
    signature: "ssa(sv)a(sa(sv))",
    body: ["x.scope", "replace", [["PIDs", { signature: "au", value: [5] }]], []],
  };
  const bytes = encodeMessage(message);
  expect(messageLength(bytes)).toBe(bytes.length);
  expect(messageLength(bytes.subarray(0, 15))).toBeUndefined();
  expect(decodeMessage(bytes)).toEqual(message);
});

test("whatever is cut off or turned around in a message is an error or another message, never endless", () => {
  const bytes = encodeMessage({ type: 4, serial: 1, path: "/a", member: "B", signature: "as", body: [["x", "yy"]] });
  for (let length = 16; length < bytes.length; length++) {
    expect(() => decodeMessage(bytes.slice(0, length))).toThrow("cannot talk to systemd");
  }
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const changed = bytes.slice();
      changed[at] = value;
      try {
        decodeMessage(changed);
      } catch (error) {
        expect(String(error)).toContain("cannot talk to systemd");
      }
    }
  }
});

test("a value of another type than its signature says is refused", () => {
  for (const [signature, value] of [
    ["u", "x"],
    ["s", 1],
    ["a(sv)", "x"],
    ["s", "nul\0"],
    ["v", "x"],
  ] as const) {
    expect(() => marshal(signature, value)).toThrow("cannot talk to systemd");
  }
});

test.each([
  ["unix:path=/run/user/1000/bus", "/run/user/1000/bus"],
  ["unix:path=/run/my%20bus,guid=0123", "/run/my bus"],
  ["tcp:host=a,port=1;unix:abstract=/tmp/dbus-x,guid=1", "@/tmp/dbus-x"],
  ["tcp:host=a", undefined],
  ["", undefined],
])("the socket of %j is %j", (address, socket) => {
  expect(socketOf(address)).toBe(socket);
});
