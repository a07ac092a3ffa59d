/** CVE-2024-3727: a digest from outside that becomes part of a path or URL before anybody looked at it. */
import { expect, test } from "bun:test";
import { parseDocument, parseImageConfig, parseReference } from "../../src/oci/index.ts";
import { fakeRegistry, smallImage } from "../registry/support/fake-registry.ts";
import { failure, source } from "../registry/support/source.ts";

const BAD = [
  "",
  "sha256:",
  "sha256:../../../etc/passwd",
  `sha256:${"a".repeat(63)}`,
  `sha256:${"A".repeat(64)}`,
  `sha256:${"a".repeat(64)}/../x`,
  `sha256:${"a".repeat(64)}\n`,
  `md5:${"a".repeat(32)}`,
  `constructor:${"a".repeat(64)}`,
];

test.each(BAD)("CVE-2024-3727: the digest %p gets nowhere", async (digest) => {
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: 1 };
  const good = { ...layer, digest: `sha256:${"a".repeat(64)}` };
  const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  const manifest = { schemaVersion: 2, config: good, layers: [good] };
  expect(parseDocument(bytes(manifest), undefined, "it").kind).toBe("manifest");
  expect(() => parseDocument(bytes({ ...manifest, layers: [good, layer] }), undefined, "it")).toThrow(
    "layers.1.digest is not a sha256 or sha512 digest",
  );
  expect(() => parseDocument(bytes({ schemaVersion: 2, manifests: [layer] }), undefined, "it")).toThrow("digest");
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digest] } };
  expect(() => parseImageConfig(bytes(config), "it")).toThrow("rootfs.diff_ids.0 is not a sha256 or sha512 digest");
  expect(() => parseReference(`x/y@${digest}`)).toThrow("is not a sha256 or sha512 digest");
});

test("CVE-2024-3727: a bad Docker-Content-Digest is refused", async () => {
  using registry = fakeRegistry();
  const { document, manifest } = smallImage(registry);
  for (const digest of BAD.filter((text) => text !== "" && !text.includes("\n"))) {
    registry.on((_, { path }) =>
      path.includes("/manifests/")
        ? new Response(JSON.stringify(document), {
            headers: { "content-type": manifest.mediaType, "docker-content-digest": digest },
          })
        : undefined,
    );
    expect(await failure(source(`${registry.host}/some/app:1`).resolve())).toMatchObject({ code: "invalid" });
  }
});
