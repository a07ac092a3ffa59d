/**
 * A registry on loopback that answers as a test says: honest unless a rule of the test takes the request first. What it
 * was asked, with which headers, is recorded.
 */
import { sha256 } from "../../support/oci-image.ts";

export type Recorded = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly authorization: string | null;
  readonly range: string | null;
  readonly body: string;
};

/** Answers a request, or leaves it to the next rule and at last to the honest registry. */
export type Rule = (request: Request, seen: Recorded) => Response | undefined | Promise<Response | undefined>;

export type FakeRegistry = Disposable & {
  readonly host: string;
  readonly url: string;
  readonly requests: Recorded[];
  /** Rules added later are asked first. */
  on(rule: Rule): void;
  /** Asks this rule once only. */
  once(rule: Rule): void;
  /** Requests whose path matches, without the probes of `/v2/`. */
  seen(path: RegExp): Recorded[];
  blob(bytes: Uint8Array | string): { digest: string; size: number };
  manifest(tag: string, document: unknown, mediaType?: string): { digest: string; size: number };
};

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";

export type Tls = { readonly cert: string; readonly key: string; readonly ca?: string; readonly requestCert?: boolean };

/** @param tls serve HTTPS; with `requestCert` only to clients whose certificate is of `ca` */
export function fakeRegistry({ tls, repository = "some/app" }: { tls?: Tls; repository?: string } = {}): FakeRegistry {
  const requests: Recorded[] = [];
  const rules: Rule[] = [];
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, { bytes: Uint8Array; mediaType: string }>();

  const notFound = (code: string) =>
    Response.json({ errors: [{ code, message: "unknown to registry" }] }, { status: 404 });

  function honest(path: string, range: string | null): Response {
    if (path === "/v2/") return Response.json({});
    const [, kind, name = ""] = new RegExp(`^/v2/${repository}/(manifests|blobs)/([^/]+)$`).exec(path) ?? [];
    if (kind === "manifests") {
      const found = manifests.get(name);
      if (found === undefined) return notFound("MANIFEST_UNKNOWN");
      const headers = { "content-type": found.mediaType, "docker-content-digest": sha256(found.bytes) };
      return new Response(found.bytes.slice(), { headers });
    }
    const bytes = kind === "blobs" ? blobs.get(name) : undefined;
    if (bytes === undefined) return notFound(kind === "blobs" ? "BLOB_UNKNOWN" : "NAME_UNKNOWN");
    const from = Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
    if (range === null) return new Response(bytes.slice(), { headers: { "accept-ranges": "bytes" } });
    if (from >= bytes.length) return new Response(null, { status: 416 });
    return new Response(bytes.slice(from), {
      status: 206,
      headers: { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` },
    });
  }

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    ...(tls && { tls: { ...tls, rejectUnauthorized: tls.requestCert ?? false } }),
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const seen: Recorded = {
        method: request.method,
        path: pathname,
        query: search,
        authorization: request.headers.get("authorization"),
        range: request.headers.get("range"),
        body: await request.text(),
      };
      requests.push(seen);
      for (const rule of [...rules].reverse()) {
        const response = await rule(request, seen);
        if (response !== undefined) return response;
      }
      return honest(pathname, seen.range);
    },
  });

  const host = `localhost:${server.port}`;
  return {
    host,
    url: `${tls ? "https" : "http"}://${host}`,
    requests,
    on: (rule) => void rules.push(rule),
    once(rule) {
      const first: Rule = async (request, seen) => {
        const response = await rule(request, seen);
        if (response !== undefined) rules.splice(rules.indexOf(first), 1);
        return response;
      };
      rules.push(first);
    },
    seen: (path) => requests.filter((request) => path.test(request.path)),
    blob(bytes) {
      const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
      const digest = sha256(data);
      blobs.set(digest, data);
      return { digest, size: data.length };
    },
    manifest(tag, document, mediaType = MANIFEST) {
      const bytes = new TextEncoder().encode(JSON.stringify(document));
      const digest = sha256(bytes);
      manifests.set(tag, { bytes, mediaType });
      manifests.set(digest, { bytes, mediaType });
      return { digest, size: bytes.length };
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
}

/** Puts a small image in under a tag and returns its documents. */
export function smallImage(registry: FakeRegistry, tag = "1", layer: Uint8Array | string = "a layer") {
  const config = { mediaType: CONFIG, ...registry.blob('{"architecture":"amd64","os":"linux"}') };
  const blob = { mediaType: LAYER, ...registry.blob(layer) };
  const document = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [blob] };
  return { manifest: { mediaType: MANIFEST, ...registry.manifest(tag, document) }, config, layer: blob, document };
}
