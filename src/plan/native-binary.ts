/**
 * The native program, as bytes.
 *
 * In the executable it is a base64 string, which `scripts/build.ts` puts in the place of `TSBOX_NATIVE_BASE64`: decoding
 * costs 0.07 ms at run time, a file embedded by Bun and read through `node:fs` 0.17 ms. From a source tree (tests,
 * `bun src/main.ts`) the identifier is not defined, and the file that `scripts/build-native.ts` made is read.
 */
declare const TSBOX_NATIVE_BASE64: string | undefined;

/**
 * @returns the static ELF program for this machine's architecture; the caller may keep but not change the bytes
 * @throws Error (ENOENT) in a source tree where `bun scripts/build-native.ts` has not run
 */
export function nativeBinary(): Uint8Array {
  if (typeof TSBOX_NATIVE_BASE64 === "string") return Uint8Array.fromBase64(TSBOX_NATIVE_BASE64);
  // Not imported at the top: node:fs alone adds 1.2 ms to the start of the executable, which never comes here.
  const { readFileSync } = process.getBuiltinModule("node:fs");
  return readFileSync(new URL(`../../dist/native/tsbox-native-${process.arch}`, import.meta.url));
}
