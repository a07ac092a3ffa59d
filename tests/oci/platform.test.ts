import { expect, test } from "bun:test";
import {
  type Descriptor,
  hostPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformText,
  selectPlatform,
  sha256Of,
} from "../../src/oci/index.ts";

test.each([
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["amd64", "linux/amd64"],
  ["aarch64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/arm/6", "linux/arm/v6"],
  ["armhf", "linux/arm/v7"],
  ["armel", "linux/arm/v6"],
  ["linux/amd64/v1", "linux/amd64"],
  ["Linux/AMD64/v3", "linux/amd64/v3"],
  ["linux/riscv64", "linux/riscv64"],
  ["windows/amd64", "windows/amd64"],
  ["linux/constructor", "linux/constructor"],
])("%s is %s", (text, standard) => {
  expect(platformText(parsePlatform(text))).toBe(standard);
});

test("linux alone is this machine", () => {
  expect(parsePlatform("linux")).toEqual(hostPlatform());
  expect(hostPlatform()).toEqual(normalizePlatform({ os: "linux", architecture: process.arch }));
});

test.each(["", "/", "linux/", "linux//v7", "linux/arm/v7/x", "linux/am d64", "linux/arm64\n"])(
  "%j is no platform",
  (text) => {
    expect(() => parsePlatform(text)).toThrow(/^cannot use platform .*OS\/ARCHITECTURE/);
  },
);

/** An index with one manifest for each platform, named by it; an empty text is one that does not say. */
function index(...platforms: string[]): (Descriptor & { readonly label: string })[] {
  return platforms.map((label) => {
    const [os = "", architecture = "", variant] = label.split("/");
    const platform: Platform = variant === undefined ? { os, architecture } : { os, architecture, variant };
    return { mediaType: "x/y", digest: sha256Of(label), size: 1, label, ...(label !== "" && { platform }) };
  });
}

function select(wanted: string, ...platforms: string[]): string {
  const manifests = index(...platforms);
  const chosen = selectPlatform(manifests, parsePlatform(wanted), "image x");
  return manifests.find(({ digest }) => digest === chosen.digest)?.label ?? "none";
}

test.each([
  ["linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"],
  ["linux/amd64", ["linux/amd64/v3", "linux/amd64"], "linux/amd64"],
  ["linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"],
  ["linux/amd64/v2", ["linux/amd64/v3", "linux/amd64"], "linux/amd64"],
  ["linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64/v8"],
  ["linux/arm64/v8", ["linux/arm64"], "linux/arm64"],
  ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm64"], "linux/arm/v6"],
  ["linux/arm/v7", ["linux/arm"], "linux/arm"],
  ["linux/arm/v6", ["linux/arm/v7", "linux/arm/v5"], "linux/arm/v5"],
  ["linux/amd64", ["unknown/unknown", "linux/x86_64"], "linux/x86_64"],
  ["linux/amd64", ["linux/amd64", "linux/amd64"], "linux/amd64"],
  ["linux/amd64", ["", "unknown/unknown"], ""],
] as const)("%s among %j is %s", (wanted, platforms, chosen) => {
  expect(select(wanted, ...platforms)).toBe(chosen);
});

test.each([
  ["linux/amd64", ["linux/arm64/v8", "linux/s390x"], "it is for linux/arm64, linux/s390x"],
  ["linux/amd64", ["windows/amd64"], "it is for windows/amd64"],
  ["linux/arm/v6", ["linux/arm/v7"], "it is for linux/arm/v7"],
  ["linux/arm64", ["linux/arm/v7"], "it is for linux/arm/v7"],
  ["linux/amd64", ["unknown/unknown"], "no platform at all"],
  ["linux/amd64", ["", ""], "no platform at all"],
  ["linux/amd64", [], "no platform at all"],
] as const)("%s among %j is not there, and the message says %s", (wanted, platforms, list) => {
  const choose = () => select(wanted, ...platforms);
  expect(choose).toThrow(`cannot use image x: it is not for ${wanted}`);
  expect(choose).toThrow(list);
});
