/** A registry as seen from one repository: logs in, follows redirects, tries again. distribution-spec 1.1. */
import { TsboxError } from "../error.ts";
import type { Reference } from "../oci/index.ts";
import { Authorizer } from "./authorizer.ts";
import { findCredentials } from "./credentials.ts";
import { codeOf, isTransient, lasting } from "./failure.ts";
import type { Settings } from "./options.ts";
import { follow } from "./redirect.ts";
import { failureOf } from "./refusal.ts";
import { retrying } from "./retry.ts";
import { type Answer, Transport } from "./transport.ts";

export interface Call {
  readonly method: "GET" | "HEAD";
  /** Below the repository: `manifests/latest`. Made of parsed references and digests only. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For messages: `cannot get <what>`. */
  readonly what: string;
  /** What a 404 means. */
  readonly missing?: string;
}

/** Docker Hub's images are named docker.io, but that host is a web site. */
const HOSTS: Record<string, string> = { "docker.io": "registry-1.docker.io" };

/** How a server that does not speak TLS fails a handshake. */
const NO_TLS = ["EPROTO", "ECONNRESET"];

/** A name or port at which nothing has ever answered is more likely mistyped than restarting: waiting would not help. */
function atFirst(error: unknown): unknown {
  return isTransient(error) && ["ECONNREFUSED", "ENOTFOUND"].includes(codeOf(error)) ? lasting(error) : error;
}

export class RegistryClient {
  readonly settings: Settings;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #https: URL;
  /** Where the registry was found to be; undefined before its first answer. */
  #base: URL | undefined;

  constructor({ registry, repository }: Pick<Reference, "registry" | "repository">, settings: Settings) {
    this.settings = settings;
    const host = HOSTS[registry] ?? registry;
    const base = `https://${host}/v2/${repository}/`;
    // the grammar of references has ports and addresses that do not exist
    if (!URL.canParse(base)) throw new TsboxError("usage", `cannot reach registry ${host}: this is no host and port`);
    this.#https = new URL(base);
    this.#transport = new Transport(registry, this.#https.host, settings);
    this.#authorizer = new Authorizer(this.#transport, registry, `repository:${repository}:pull`, async () => {
      const { credentials, authFile, env } = settings;
      return credentials ?? findCredentials({ registry, repository }, { authFile, env });
    });
  }

  /**
   * Makes a request and hands its answer on, again and again while what fails may pass.
   *
   * @param use reads the body; what it throws is retried like a failed request
   * @throws TsboxError `not-found`, `auth`, `denied`, `network`, `invalid`, and whatever `use` throws
   */
  call<T>(call: Call, use: (answer: Answer) => Promise<T>): Promise<T> {
    return retrying(this.settings, async () => use(await this.once(call)));
  }

  /** The same without a second attempt. @returns an answer of status 2xx */
  async once({ method, path, headers, what, missing }: Call): Promise<Answer> {
    for (let login = 0; ; login++) {
      const authorization = await this.#authorizer.header();
      const sent = { ...headers, ...(authorization !== undefined && { Authorization: authorization }) };
      const answer = await this.#reach((base) =>
        follow(this.#transport, { method, url: new URL(path, base), headers: sent }),
      );
      if (answer.status >= 200 && answer.status < 300) return answer;
      // storage behind a redirect has logins of its own, with which ours has nothing to do
      const isRegistry = answer.url.host === this.#https.host;
      if (answer.status !== 401 || !isRegistry) {
        throw await failureOf(answer, what, missing, isRegistry ? await this.#authorizer.forbidden() : undefined);
      }
      const challenge = answer.headers.get("WWW-Authenticate");
      await answer.body.discard();
      // the first may lack a login, or have a token that has expired; the second had what there is
      if (login === 1) throw await this.#authorizer.refusal(what);
      await this.#authorizer.learn(challenge, authorization);
    }
  }

  /** Ends everything under way. */
  close(): void {
    this.#transport.close();
  }

  /** With how a registry is reached that has no TLS, where nobody has said whether it must have it. */
  #withoutTls(error: unknown): unknown {
    if (codeOf(error) !== "EPROTO" || this.settings.tlsVerify !== undefined || !(error instanceof TsboxError))
      return error;
    return lasting(error, `${error.message}; --tls-verify=false allows plain HTTP`);
  }

  /** Finds out with the first request whether the registry speaks HTTPS or, where that is allowed, plain HTTP. */
  async #reach(request: (base: URL) => Promise<Answer>): Promise<Answer> {
    if (this.#base !== undefined) return request(this.#base);
    let answer: Answer;
    try {
      answer = await request(this.#https);
      this.#base = this.#https;
      return answer;
    } catch (error) {
      const plain = new URL(this.#https);
      plain.protocol = "http:";
      // without a port in its name a registry has another one for plain HTTP
      const mayTry = NO_TLS.includes(codeOf(error)) || (codeOf(error) === "ECONNREFUSED" && this.#https.port === "");
      if (!mayTry || !this.#transport.mayBePlain(plain)) throw this.#withoutTls(atFirst(error));
      answer = await request(plain).catch((other) => {
        // a server that cuts plain HTTP too is one that wants TLS, and what failed about that is the news
        throw atFirst(codeOf(other) === "ECONNRESET" || codeOf(other) === "ECONNREFUSED" ? error : other);
      });
      // what servers of HTTPS answer to plain HTTP; the errors of a registry are JSON
      if (answer.status === 400 && !/json/.test(answer.headers.get("Content-Type") ?? "")) {
        await answer.body.discard();
        throw atFirst(error);
      }
      this.#base = plain;
      return answer;
    }
  }
}
