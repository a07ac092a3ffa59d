/** What stands in the Authorization header, learned from the challenges of a registry. */
import { TsboxError } from "../error.ts";
import { parseChallenges } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { printable } from "./failure.ts";
import { basic, realmOf, requestToken, type Token, type TokenRequest } from "./token.ts";
import type { Transport } from "./transport.ts";

type Scheme = { readonly kind: "basic" } | ({ readonly kind: "bearer" } & TokenRequest);

export class Authorizer {
  readonly #transport: Transport;
  readonly #registry: string;
  readonly #scope: string;
  readonly #lookUp: () => Promise<Credentials | undefined>;
  #credentials: Promise<Credentials | undefined> | undefined;
  #scheme: Scheme | undefined;
  /** By realm, service and scope. Promises, so that layers that start together share one request. */
  readonly #tokens = new Map<string, Promise<Token>>();

  /**
   * @param scope what is asked for when a challenge does not say: `repository:library/alpine:pull`
   * @param lookUp finds the credentials; called once, and only when the registry asks
   */
  constructor(transport: Transport, registry: string, scope: string, lookUp: () => Promise<Credentials | undefined>) {
    this.#transport = transport;
    this.#registry = registry;
    this.#scope = scope;
    this.#lookUp = lookUp;
  }

  /**
   * The header for the next request; undefined as long as the registry has not asked for one. A token that has expired is
   * replaced.
   *
   * @throws TsboxError `auth` when there are no credentials or they are wrong
   */
  async header(): Promise<string | undefined> {
    const scheme = this.#scheme;
    if (scheme === undefined) return undefined;
    this.#credentials ??= this.#lookUp();
    const credentials = await this.#credentials;
    if (credentials?.kind === "bearer") return `Bearer ${credentials.token}`;
    if (scheme.kind === "bearer") return `Bearer ${(await this.#token(scheme, credentials)).text}`;
    if (credentials?.kind === "password") return basic(credentials);
    const reason = credentials === undefined ? "no login for it is stored" : "the stored login is not a password";
    throw new TsboxError(
      "auth",
      `cannot log in to ${this.#registry}: it wants a user name and a password, and ${reason}; use podman login or docker login`,
    );
  }

  /**
   * Takes in a 401.
   *
   * @param header `WWW-Authenticate`
   * @param used what was sent as Authorization: a token that is refused is not used again
   * @throws TsboxError `auth` or `unsupported` when nothing can be sent that the registry would take
   */
  async learn(header: string | null, used: string | undefined): Promise<void> {
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.realm !== undefined);
    if (bearer?.parameters.realm !== undefined) {
      const { realm, service, scope } = bearer.parameters;
      const url = realmOf(realm, this.#registry, this.#transport);
      this.#scheme = { kind: "bearer", realm: url, service, scope: scope || this.#scope };
      await this.#forget(this.#scheme, used);
    } else if (challenges.some(({ scheme }) => scheme === "basic")) {
      this.#scheme = { kind: "basic" };
    } else {
      const schemes = challenges.map(({ scheme }) => printable(scheme, 40)).join(", ");
      const reason = schemes === "" ? "it does not say how" : `it wants ${schemes}, which tsbox does not have`;
      throw new TsboxError("unsupported", `cannot log in to ${this.#registry}: ${reason}`);
    }
  }

  /** What a 403 of the registry means, as the reason of an error. */
  async forbidden(): Promise<string> {
    // a registry that never asked for a login was not sent one, so nothing can be said of those that are stored
    if (this.#credentials === undefined) return "it does not exist, or is not for everybody";
    if ((await this.#credentials) !== undefined) return "the login does not allow this, or it does not exist";
    return this.#anonymous();
  }

  #anonymous(): string {
    return `it does not exist, or wants a login, and none for ${this.#registry} is stored; use podman login or docker login`;
  }

  /** What to say when a login was sent and refused. */
  async refusal(what: string): Promise<TsboxError> {
    const credentials = await this.#credentials;
    const context = { registry: this.#registry };
    if (credentials === undefined) {
      return new TsboxError("auth", `cannot get ${what}: ${this.#anonymous()}`, { context });
    }
    const reason =
      this.#scheme?.kind === "basic"
        ? "wrong user name or password"
        : "the login is not accepted, or does not allow this";
    return new TsboxError("auth", `cannot log in to ${this.#registry} for ${what}: ${reason}`, { context });
  }

  #key({ realm, service, scope }: TokenRequest): string {
    return JSON.stringify([realm.href, service, scope]);
  }

  async #token(request: TokenRequest, credentials: Credentials | undefined): Promise<Token> {
    const key = this.#key(request);
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const token = await known;
      if (token.expires > Date.now()) return token;
      // another request may have replaced it in the meantime
      if (this.#tokens.get(key) === known) this.#tokens.delete(key);
      return this.#token(request, credentials);
    }
    const fresh = requestToken(this.#transport, request, credentials, this.#registry);
    this.#tokens.set(key, fresh);
    // a failure is not kept: the next attempt asks again
    fresh.catch(() => {
      if (this.#tokens.get(key) === fresh) this.#tokens.delete(key);
    });
    return fresh;
  }

  async #forget(request: TokenRequest, used: string | undefined): Promise<void> {
    const key = this.#key(request);
    const known = this.#tokens.get(key);
    if (known === undefined || used === undefined) return;
    const token = await known.catch(() => undefined); // who asked for it is told of the failure
    if (used === `Bearer ${token?.text}` && this.#tokens.get(key) === known) this.#tokens.delete(key);
  }
}
