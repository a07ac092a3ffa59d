/** A registry as a source of images. */
import { TsboxError } from "../error.ts";
import {
  ACCEPTED_TYPES,
  type Digest,
  DOCUMENT_LIMIT,
  describe,
  type ImageSource,
  INDEX_TYPES,
  MANIFEST_TYPES,
  parseDigest,
  parseDocument,
  type Reference,
  referenceName,
  verifyBytes,
} from "../oci/index.ts";
import { openBlob } from "./blob.ts";
import { type Call, RegistryClient } from "./client.ts";
import { type RegistryOptions, settingsOf } from "./options.ts";
import type { Answer } from "./transport.ts";

export interface RegistrySource extends ImageSource {
  /**
   * The digest that the reference has now, without its document: what a registry does not count as a pull.
   *
   * @returns undefined when the registry does not say
   */
  head(): Promise<Digest | undefined>;
}

const ACCEPT = ACCEPTED_TYPES.join(", ");
/** What servers say that do not know what they send; then the document itself decides. */
const VAGUE = ["application/json", "application/octet-stream", "text/plain", "binary/octet-stream"];

/**
 * Reads one repository of a registry. Nothing is sent before the first call. A login is looked up when the registry asks
 * for one; every request is retried as the options say.
 *
 * @param reference a digest counts before a tag
 */
export function registrySource(reference: Reference, options: RegistryOptions = {}): RegistrySource {
  const name = referenceName(reference);
  const repository = `${reference.registry}/${reference.repository}`;
  const client = new RegistryClient(reference, settingsOf(options));
  const pointer = reference.digest ?? reference.tag ?? "latest";
  const top: Omit<Call, "method"> = {
    path: `manifests/${pointer}`,
    headers: { Accept: ACCEPT },
    what: `image ${name}`,
    missing: reference.digest === undefined ? `there is no tag ${pointer} in ${repository}` : "it does not exist there",
  };

  return {
    name,

    resolve: () =>
      client.call({ ...top, method: "GET" }, async (answer) => {
        const bytes = await answer.body.bytes(DOCUMENT_LIMIT);
        const what = `image ${name}`;
        const announced = announcedDigest(answer, what);
        // the header is the server's own claim about these bytes, the reference's digest is what counts
        for (const digest of [announced, reference.digest]) if (digest !== undefined) check(bytes, digest, what);
        const mediaType = contentType(answer);
        const document = parseDocument(bytes, mediaType, what);
        const described = describe(bytes, document, mediaType);
        return { descriptor: { ...described, digest: reference.digest ?? described.digest }, bytes };
      }),

    async fetch(descriptor) {
      const { digest, size, mediaType } = descriptor;
      const isDocument = MANIFEST_TYPES.includes(mediaType) || INDEX_TYPES.includes(mediaType);
      const what = `${isDocument ? "manifest" : "blob"} ${digest} of ${repository}`;
      if (size > DOCUMENT_LIMIT) {
        throw new TsboxError(
          "invalid",
          `cannot get ${what}: ${size} bytes are more than the ${DOCUMENT_LIMIT} of a document`,
        );
      }
      const path = `${isDocument ? "manifests" : "blobs"}/${digest}`;
      const headers = isDocument ? { Accept: mediaType } : {};
      const call: Call = { method: "GET", path, headers, what, missing: "the registry does not have it" };
      return client.call(call, async (answer) => {
        const bytes = await answer.body.bytes(DOCUMENT_LIMIT);
        verifyBytes(bytes, descriptor, what);
        const delivered = isDocument ? contentType(answer) : undefined;
        if (delivered === undefined || delivered === mediaType) return bytes;
        throw new TsboxError(
          "invalid",
          `cannot read ${what}: it was announced as ${mediaType}, but came as ${delivered}`,
        );
      });
    },

    open: (descriptor, offset) => openBlob(client, descriptor, offset, repository),

    head: () =>
      client.call({ ...top, method: "HEAD" }, async (answer) => {
        await answer.body.discard();
        return announcedDigest(answer, `image ${name}`);
      }),

    async close() {
      client.close();
    },
  };
}

/** The media type of an answer without its parameters; undefined when it says nothing. */
function contentType({ headers }: Answer): string | undefined {
  const type = headers.get("Content-Type")?.split(";")[0]?.trim();
  return type === undefined || type === "" || VAGUE.includes(type) ? undefined : type;
}

function announcedDigest({ headers }: Answer, what: string): Digest | undefined {
  const header = headers.get("Docker-Content-Digest");
  return header === null ? undefined : parseDigest(header, `the digest that the registry gives of ${what}`);
}

/** @throws TsboxError `integrity` */
function check(bytes: Uint8Array, digest: Digest, what: string): void {
  verifyBytes(bytes, { mediaType: "", digest, size: bytes.length }, what);
}
