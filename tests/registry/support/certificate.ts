/** Certificates for tests: an authority, a server's for localhost, a client's, and an authority that nobody asked. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tls } from "./fake-registry.ts";

function openssl(...words: string[]): void {
  const { success, stderr } = Bun.spawnSync(["openssl", ...words]);
  if (!success) throw new Error(`cannot make a certificate: ${stderr.toString()}`);
}

const NEW = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];

/** @param name the host that the server's certificate is for */
export function certificate(folder: string, name = "localhost") {
  const path = (file: string) => join(folder, file);
  const read = (file: string) => readFileSync(path(file), "utf8");
  for (const sub of ["ca-only", "with-client"]) mkdirSync(path(sub));
  openssl(...NEW, "-subj", "/CN=test authority", "-keyout", path("ca.key"), "-out", path("ca-only/ca.crt"));
  const signed = (cn: string, key: string, certificate: string, alternative: string) =>
    openssl(
      ...[...NEW, "-subj", `/CN=${cn}`, "-CA", path("ca-only/ca.crt"), "-CAkey", path("ca.key")],
      ...["-keyout", path(key), "-out", path(certificate), "-addext", `subjectAltName=${alternative}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
    );
  signed(name, "server.key", "server.cert", `DNS:${name}`);
  signed("ann", "with-client/client.key", "with-client/client.cert", "DNS:ann");
  const ca = read("ca-only/ca.crt");
  Bun.spawnSync(["cp", path("ca-only/ca.crt"), path("with-client/ca.crt")]);
  const server: Tls = { cert: read("server.cert"), key: read("server.key") };
  return {
    server,
    /** Lets only clients in whose certificate the authority has signed. */
    strict: { ...server, ca, requestCert: true } as Tls,
    /** For `certDir`: the authority's certificate. */
    caFolder: path("ca-only"),
    /** For `certDir`: the authority's and a client's certificate. */
    clientFolder: path("with-client"),
  };
}
