/** Digests: image-spec descriptor.md, "Digests". */
import { TsboxError } from "../error.ts";

/** `sha256:` or `sha512:` and lower-case hexadecimal of the right length. Only {@link parseDigest} makes one. */
export type Digest = string & { readonly digest: unique symbol };

export type DigestAlgorithm = "sha256" | "sha512";

const LENGTHS: Record<string, number> = { sha256: 64, sha512: 128 };
const HEX = /^[0-9a-f]+$/;

/** Whether a text is a digest of an algorithm that tsbox verifies. */
export function isDigest(text: unknown): text is Digest {
  if (typeof text !== "string") return false;
  const colon = text.indexOf(":");
  const length = LENGTHS[text.slice(0, colon)];
  return length !== undefined && text.length === colon + 1 + length && HEX.test(text.slice(colon + 1));
}

/**
 * Every digest from outside goes through here before it becomes part of a path or URL (CVE-2024-3727).
 * @param where for messages: what the digest is of
 * @throws TsboxError `invalid`
 */
export function parseDigest(text: unknown, where = "digest"): Digest {
  if (isDigest(text)) return text;
  throw new TsboxError("invalid", `cannot use ${where}: ${JSON.stringify(text)} is not a sha256 or sha512 digest`);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(":")) as DigestAlgorithm; // cast: checked when the digest was parsed
}

/** The hexadecimal part, which is the blob's file name in a layout. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** `blobs/sha256/...`, relative to a layout. image-spec image-layout.md. */
export function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

export function sha256Of(bytes: Uint8Array | string): Digest {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` as Digest; // cast: made here
}

/**
 * The names of the layers of an image, each of which stands for the layer and all below it.
 * image-spec config.md, "Layer ChainID".
 */
export function chainIDs(diffIDs: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffID of diffIDs) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffID : sha256Of(`${parent} ${diffID}`));
  }
  return chain;
}
