/** Sources as the tests of this folder make them: quick retries, and nothing of the user's own files. */
import type { Descriptor } from "../../../src/oci/index.ts";
import { parseReference } from "../../../src/oci/index.ts";
import { type RegistryOptions, registrySource } from "../../../src/registry/index.ts";

export const QUICK: RegistryOptions = {
  env: { HOME: "/nonexistent", PATH: "/usr/bin:/bin" },
  backoff: 5,
  timeouts: { connect: 2000, idle: 1000 },
};

export const source = (name: string, options: RegistryOptions = {}) =>
  registrySource(parseReference(name), { ...QUICK, ...options });

/** Descriptors of fixtures are written with plain texts. */
export const descriptor = (plain: { mediaType: string; digest: string; size: number }) => plain as Descriptor;

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk.slice());
  return Buffer.concat(all);
}

/**
 * What a promise was rejected with; fails when it was not. Look at its message before `toMatchObject` does: Bun 1.4.5
 * replaces what it has compared with an asymmetric matcher by the matcher.
 */
export async function failure(promise: Promise<unknown>): Promise<Error & { code: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error("it did not fail");
}
