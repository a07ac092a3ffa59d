/** What the resolver of named networks understands, and that nothing that a container sends makes it read or write beyond. */
import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { program, requires } from "../support/skip.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/tmp.ts";

const test = requires(program("gcc"));

let temporary: TemporaryFolder;
let binary = "";

beforeAll(() => {
  temporary = temporaryFolder();
  if (Bun.which("gcc") === null) return;
  binary = temporary.join("fuzz");
  const compiled = Bun.spawnSync([
    ...["gcc", "-g", "-O1", "-Wall", "-Wextra", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    ...["-o", binary, join(ROOT, "tests/native/fuzz-dns.c"), join(ROOT, "native/dns.c")],
  ]);
  expect(compiled.stderr.toString()).toBe("");
});
afterAll(() => temporary[Symbol.dispose]());

function run(input: Uint8Array | string, ...args: string[]): string {
  const path = temporary.join("input");
  writeFileSync(path, input);
  const { stdout, stderr, exitCode } = Bun.spawnSync([binary, path, ...args]);
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  return stdout.toString().trim();
}

const label = (text: string) => [text.length, ...Buffer.from(text, "latin1")];
const name = (text: string) => [...text.split(".").flatMap(label), 0];
const HEADER = [0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const query = (question: readonly number[], header: readonly number[] = HEADER) =>
  new Uint8Array([...header, ...question]);
const A = [0, 1, 0, 1];

test("a question is read in lower case", () => {
  expect(run(query([...name("Web.TSBOX.internal"), ...A]))).toBe("0 web.tsbox.internal 1 1 36 00000000");
  expect(run(query([...name("a_b-1"), 0, 28, 0, 1]))).toBe("0 a_b-1 28 1 23 00000000");
});

test("a reverse name is an address, and nothing else is", () => {
  const reverse = (text: string) =>
    run(query([...name(text), 0, 12, 0, 1]))
      .split(" ")
      .at(-1);
  expect(reverse("5.0.89.10.in-addr.arpa")).toBe("0a590005");
  for (const text of [
    "256.0.89.10.in-addr.arpa",
    "0.89.10.in-addr.arpa",
    "5.0.89.10.in-addr.arpa.x",
    "x5.0.89.10.in-addr.arpa",
  ])
    expect(reverse(text)).toBe("00000000");
});

test("what is no question gets an error, and what is no query gets nothing", () => {
  const response = HEADER.with(2, 0x81);
  expect(run(query([...name("a"), ...A], response))).toBe("-1");
  expect(run(new Uint8Array(11))).toBe("-1");
  // opcode STATUS; two questions; an answer in a query
  expect(run(query([...name("a"), ...A], HEADER.with(2, 0x10)))).toBe("4");
  expect(run(query([...name("a"), ...A], HEADER.with(5, 2)))).toBe("1");
  expect(run(query([...name("a"), ...A], HEADER.with(7, 1)))).toBe("1");
  // cut off in the label, before the end of the name, in the type; a pointer, to itself
  for (const question of [
    [5, 97],
    [1, 97],
    [...name("a"), 0, 1],
    [0xc0, 0x0c, ...A],
  ])
    expect(run(query(question))).toBe("1");
  const long = Array.from({ length: 5 }, () => "a".repeat(63)).join(".");
  expect(run(query([...name(long), ...A]))).toBe("1");
});

test("a name with bytes that no host name has is nobody's", () => {
  for (const odd of ["a\0b", "a b", "\x7f", "é"]) expect(run(query([...label(odd), 0, ...A]))).toMatch(/^0 {2}1 1 /);
  // a dot within a label is not the dot between two
  expect(run(query([...label("a.b"), 0, ...A]))).toMatch(/^0 {2}1 1 /);
});

test("servers of resolv.conf are read, those that cannot be asked left out", () => {
  const text = [
    "# nameserver 1.1.1.1",
    "nameserver 10.0.0.53",
    "nameserver\t 2001:db8::53 # mine",
    "nameserver fe80::1%eth0",
    "nameserver 1.2.3",
    "nameservers 9.9.9.9",
    "search example.org",
    "nameserver ::1",
    "nameserver 8.8.8.8",
  ].join("\n");
  expect(run(text, "servers").split("\n")).toEqual([
    "00000000000000000000ffff0a000035",
    "20010db8000000000000000000000053",
    "00000000000000000000000000000001",
  ]);
  expect(run("nameserver 127.0.0.53", "servers")).toBe("00000000000000000000ffff7f000035");
  for (const odd of [
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    ":1",
    "1:",
    "256.1.1.1",
    "1.2.3.4.5",
    "::1.2.3.4",
    "",
  ])
    expect(run(`nameserver ${odd}\n`, "servers")).toBe("");
});

test("no mutation of a question or of resolv.conf makes it read or write beyond", () => {
  const accepted = Number(run(query([...name("web.tsbox.internal"), ...A]), "300000"));
  expect(accepted).toBeGreaterThan(1000);
  run(query([...name(`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(60)}`), ...A]), "100000");
  run("nameserver 10.0.0.53\nnameserver 2001:db8::53\nnameserver ::ffff:1:2\noptions ndots:2\n", "200000");
});
