import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../../../src/oci/runtime/check.ts";
import { runtimeConfig } from "../../../src/oci/runtime/config-schema.ts";
import { isUsualConfig } from "../../../src/oci/runtime/usual-config.ts";

const FOLDER = join(import.meta.dir, "../../fixtures/configs");
const CONFIGS = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => [name, JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as unknown] as const);

test("what engines write needs no schemas", () => {
  const usual = CONFIGS.filter(([, config]) => isUsualConfig(config)).map(([name]) => name);
  expect(usual).toContain("podman-rootless.json");
  expect(usual).toContain("podman-root.json");
  expect(usual).toContain("docker-run.json");
  expect(usual).toContain("ctr-run.json");
  expect(usual).toContain("runc-spec-rootless.json");
  expect(usual).toContain("buildah-rootless-run.json");
});

/** Values that are wrong somewhere, and some that are right. */
const STRANGE: readonly unknown[] = [
  null,
  undefined,
  true,
  "",
  "/",
  "x",
  "../x",
  "RLIMIT_NOFILE",
  -1,
  0,
  1.5,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 64,
  Number.NaN,
  [],
  [""],
  [1],
  [[]],
  {},
  { a: "b" },
  { constructor: "x" },
  JSON.parse('{"__proto__":"x"}'),
  "SCMP_ACT_NOTIFY",
  "MPOL_BIND",
  "constructor",
  "c",
  "p",
  "0-3",
  "1.0.2",
  "2.0.0",
];

/** All places of a document: the object or list, and the key in it. */
function places(value: unknown, found: [object, string][] = []): [object, string][] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value, key]);
    places((value as Record<string, unknown>)[key], found);
  }
  return found;
}

test("whatever is taken for usual is valid by the schemas and comes out of them as it was", () => {
  let [accepted, refused] = [0, 0];
  for (const [name, config] of CONFIGS) {
    const copy = structuredClone(config);
    for (const [at, key] of places(copy)) {
      const owner = at as Record<string, unknown>;
      const before = owner[key];
      for (const value of STRANGE) {
        owner[key] = value;
        if (!isUsualConfig(copy)) {
          refused++;
          continue;
        }
        accepted++;
        // the whole document each time would take minutes; by the schemas, equal is what was looked at
        if (accepted % 7 === 0) expect(check(runtimeConfig, copy, name)).toEqual(copy as never);
      }
      owner[key] = before;
    }
    // a field that nobody knows, beside each one that there is
    for (const [at] of places(copy)) {
      if (Array.isArray(at)) continue;
      (at as Record<string, unknown>).unknownField = 1;
      if (isUsualConfig(copy)) check(runtimeConfig, copy, name);
      delete (at as Record<string, unknown>).unknownField;
    }
    if (isUsualConfig(config)) expect(check(runtimeConfig, config, name)).toEqual(config as never);
  }
  expect(accepted).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(1000);
}, 60_000);
