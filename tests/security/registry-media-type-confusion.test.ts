/** CVE-2021-41190: one document that is a manifest to one reader and an index to another. */
import { expect, test } from "bun:test";
import { fakeRegistry, smallImage } from "../registry/support/fake-registry.ts";
import { descriptor, failure, source } from "../registry/support/source.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

test.each([
  ["both layers and manifests", MANIFEST, (image: object) => ({ ...image, manifests: [] })],
  ["a manifest sent as an index", INDEX, (image: object) => image],
  ["a manifest without mediaType sent as an index", INDEX, (image: object) => ({ ...image, mediaType: undefined })],
  ["an index that says it is a manifest", MANIFEST, () => ({ schemaVersion: 2, mediaType: MANIFEST, manifests: [] })],
  ["an index sent as a manifest", MANIFEST, () => ({ schemaVersion: 2, mediaType: INDEX, manifests: [] })],
])("CVE-2021-41190: %s is refused", async (_, contentType, change) => {
  using registry = fakeRegistry();
  const { document } = smallImage(registry);
  registry.manifest("bad", change(document), contentType);
  const error = await failure(source(`${registry.host}/some/app:bad`).resolve());
  expect(error).toMatchObject({ code: "invalid" });
});

test("CVE-2021-41190: a manifest of an index that comes with another Content-Type is refused", async () => {
  using registry = fakeRegistry();
  const { manifest, document } = smallImage(registry);
  registry.manifest("1", document, INDEX);
  const error = await failure(source(`${registry.host}/some/app:1`).fetch(descriptor(manifest)));
  expect(error).toMatchObject({ code: "invalid", message: expect.stringContaining(INDEX) });
});
