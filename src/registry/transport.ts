/** One HTTP exchange with one server: TLS, proxy and time-outs. It follows no redirect and knows nothing of logins. */
import { version } from "../../package.json";
import { TsboxError } from "../error.ts";
import { Body } from "./body.ts";
import { type Certificates, certFolders, certificatesIn, certificatesOf, systemAuthorities } from "./certificates.ts";
import { connectionError, networkError } from "./failure.ts";
import type { Settings } from "./options.ts";
import { isLoopback, proxyFor } from "./proxy.ts";

export interface Request {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Which URL answered. */
  readonly url: URL;
  readonly body: Body;
}

type TlsOptions = { rejectUnauthorized: boolean; ca?: string[]; cert?: string; key?: string };

export class Transport {
  readonly #settings: Settings;
  /** As it is named in references, and so in `certs.d`. */
  readonly #registry: string;
  /** Where it is: its authorities count everywhere, its client certificate only there. */
  readonly #host: string;
  readonly #tls = new Map<string, Promise<TlsOptions>>();
  readonly #closing = new AbortController();
  readonly #session = new Bun.FetchSession();
  #system: Promise<string | undefined> | undefined;

  constructor(registry: string, host: string, settings: Settings) {
    this.#registry = registry;
    this.#host = host;
    this.#settings = settings;
  }

  /** Whether plain HTTP may be spoken with a host: one on loopback, unless verification was asked for, or none is wanted. */
  mayBePlain(url: URL): boolean {
    const { tlsVerify } = this.#settings;
    return tlsVerify === undefined ? isLoopback(url.hostname) : !tlsVerify;
  }

  /** Whether a server must prove who it is; otherwise whoever is in between can read and answer anyway. */
  get verifies(): boolean {
    return this.#settings.tlsVerify !== false;
  }

  /**
   * Sends a request and waits for the headers of the answer, whatever its status.
   *
   * @returns an answer whose body must be read to its end or discarded
   * @throws TsboxError `network`; what the caller's signal says when it is aborted
   */
  async send({ method, url, headers, body }: Request): Promise<Answer> {
    const { signal, timeouts, env } = this.#settings;
    signal?.throwIfAborted();
    const tls = url.protocol === "https:" ? await this.#tlsOptions(url.host) : undefined;
    const proxy = proxyFor(url, env);
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.aborted ? signal.reason : this.#closing.signal.reason);
    const sources = signal === undefined ? [this.#closing.signal] : [signal, this.#closing.signal];
    for (const source of sources) source.addEventListener("abort", abort, { once: true });
    const release = () => {
      for (const source of sources) source.removeEventListener("abort", abort);
    };
    if (this.#closing.signal.aborted) abort();
    const late = networkError(`cannot reach ${url.host}: no answer within ${timeouts.connect / 1000} s`, {
      transient: true,
      url,
    });
    const timer = setTimeout(() => controller.abort(late), timeouts.connect);
    try {
      const response = await this.#session.fetch(url, {
        method,
        headers: { "User-Agent": `tsbox/${version}`, "Accept-Encoding": "identity", ...headers },
        body: body ?? null,
        redirect: "manual",
        // a blob is digested as it is stored, so what is on the wire is what counts
        decompress: false,
        // Bun reads the environment itself unless told not to, and by other rules
        proxy: proxy === undefined ? false : { url: proxy, respectNoProxy: false },
        signal: controller.signal,
        // the timers here say what was waited for
        timeout: false,
        ...(tls && { tls }),
      });
      return {
        status: response.status,
        headers: response.headers,
        url,
        body: new Body(response, url, controller, timeouts, release),
      };
    } catch (error) {
      release();
      if (signal?.aborted) throw signal.reason;
      throw connectionError(url, error, proxy);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends what is under way and closes idle connections. */
  close(): void {
    this.#closing.abort(
      new TsboxError("network", `cannot reach ${this.#registry}: the connection is no longer wanted`),
    );
    this.#session.close();
  }

  #tlsOptions(host: string): Promise<TlsOptions> {
    let options = this.#tls.get(host);
    if (options === undefined) {
      options = this.#makeTlsOptions(host);
      this.#tls.set(host, options);
    }
    return options;
  }

  async #makeTlsOptions(host: string): Promise<TlsOptions> {
    const { tlsVerify, env, certDir } = this.#settings;
    const isRegistry = host === this.#host;
    const registry = await (certDir === undefined ? this.#certificates(this.#registry) : certificatesIn(certDir));
    const own = isRegistry ? registry : await this.#certificates(host);
    const client = own.client && { cert: own.client.certificate, key: own.client.key };
    if (tlsVerify === false) return { rejectUnauthorized: false, ...client };
    const extra = [...new Set([...registry.authorities, ...own.authorities])];
    this.#system ??= systemAuthorities(env);
    const system = await this.#system;
    // `ca` replaces the set inside Bun, so that is needed when it is all there is
    const base = system === undefined && extra.length > 0 ? (await import("node:tls")).rootCertificates : [];
    const ca = [...(system === undefined ? base : [system]), ...extra];
    return { rejectUnauthorized: true, ...(ca.length > 0 && { ca }), ...client };
  }

  #certificates(host: string): Promise<Certificates> {
    const { certFolders: folders, env } = this.#settings;
    return certificatesOf(host, folders ?? certFolders(env));
  }
}
