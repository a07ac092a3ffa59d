/** A real registry (Debian's docker-registry, "distribution") on loopback, with its storage in a temporary folder. */
import { mkdirSync, writeFileSync } from "node:fs";
import { freePort } from "./free-port.ts";
import { program, type Requirement } from "./skip.ts";
import { temporaryFolder } from "./tmp.ts";

export const dockerRegistry: Requirement = program("docker-registry");

export type RegistryOptions = {
  /** serve HTTPS with a certificate of a new authority, whose own certificate is `ca` */
  readonly tls?: boolean;
  /** ask for this name and password (basic authentication) */
  readonly login?: { readonly username: string; readonly password: string };
};

export type Registry = AsyncDisposable & {
  /** "localhost:PORT" */
  readonly host: string;
  readonly url: string;
  /** the authority's certificate (PEM file) */
  readonly ca: string | undefined;
  /** where it keeps its blobs, for tests that spoil them */
  readonly storage: string;
  readonly pid: number;
  /** Copies an image into it with skopeo: `push("oci:/x:latest", "name:tag")`; returns the reference for a client. */
  push(source: string, name: string): string;
  /** Everything it logged, one request a line. */
  log(): Promise<string>;
};

/**
 * Starts a registry and returns when it answers: `await using registry = await startRegistry();`
 *
 * @throws Error with its log when it does not answer within ten seconds
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const folder = temporaryFolder();
  const port = freePort();
  const host = `localhost:${port}`;
  const storage = folder.join("storage");
  mkdirSync(storage);
  const certificate = options.tls ? makeCertificate(folder.path) : undefined;
  if (options.login !== undefined) {
    const { username, password } = options.login;
    // htpasswd's only form that distribution accepts is bcrypt.
    writeFileSync(
      folder.join("htpasswd"),
      `${username}:${Bun.password.hashSync(password, { algorithm: "bcrypt", cost: 4 })}\n`,
    );
  }
  writeFileSync(
    folder.join("config.json"),
    // The configuration is YAML, of which JSON is a part.
    JSON.stringify({
      version: 0.1,
      log: { level: "info" },
      storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
      http: {
        addr: `127.0.0.1:${port}`,
        secret: "of these tests",
        ...(certificate && { tls: { certificate: certificate.certificate, key: certificate.key } }),
      },
      ...(options.login && { auth: { htpasswd: { realm: "tsbox tests", path: folder.join("htpasswd") } } }),
    }),
  );
  const log = folder.join("log");
  const child = Bun.spawn(["docker-registry", "serve", folder.join("config.json")], {
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(log),
  });
  const stop = async () => {
    child.kill();
    await child.exited;
    folder[Symbol.dispose]();
  };
  const url = `${options.tls ? "https" : "http"}://${host}`;
  try {
    await answered(url, () => child.exitCode !== null);
  } catch (cause) {
    const text = await Bun.file(log).text();
    await stop();
    throw new Error(`docker-registry does not answer: ${text}`, { cause });
  }
  return {
    host,
    url,
    ca: certificate?.ca,
    storage,
    pid: child.pid,
    log: () => Bun.file(log).text(),
    push(source, name) {
      const login = options.login && [`--dest-creds=${options.login.username}:${options.login.password}`];
      const destination = ["--dest-tls-verify=false", ...(login ?? []), `docker://${host}/${name}`];
      // The policy file that skopeo wants is part of a package that nothing here needs.
      const copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", source, ...destination];
      const { success, stderr } = Bun.spawnSync(copy);
      if (!success) throw new Error(`cannot push ${source} to ${host}/${name}: ${stderr.toString()}`);
      return `${host}/${name}`;
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function answered(url: string, gone: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await fetch(`${url}/v2/`, { tls: { rejectUnauthorized: false } });
      return;
    } catch (error) {
      if (gone() || Date.now() > deadline) throw error;
      await Bun.sleep(20);
    }
  }
}

/** A certificate authority and a certificate of it for localhost, as people make them: with openssl. */
function makeCertificate(folder: string): { ca: string; certificate: string; key: string } {
  const [ca, caKey, certificate, key] = ["ca.crt", "ca.key", "tls.crt", "tls.key"].map((name) => `${folder}/${name}`);
  if (!ca || !caKey || !certificate || !key) throw new Error("four paths were asked for");
  const common = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
  ];
  openssl([...common, "-subj", "/CN=tsbox test authority", "-keyout", caKey, "-out", ca]);
  openssl([
    ...[...common, "-subj", "/CN=localhost", "-CA", ca, "-CAkey", caKey, "-keyout", key, "-out", certificate],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  return { ca, certificate, key };
}

function openssl(command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`cannot make a certificate: ${stderr.toString()}`);
}
