/** What a caller may say about how a registry is spoken to. */
import type { Credentials } from "./credentials.ts";
import type { Environment } from "./proxy.ts";

export interface RegistryOptions {
  /**
   * Whether certificates are checked, as podman's `--tls-verify`. `true` means HTTPS and nothing else, `false` unchecked HTTPS or
   * plain HTTP. Not given: checked, and plain HTTP only for a registry on loopback that does not speak TLS.
   */
  readonly tlsVerify?: boolean | undefined;
  /** Use these and look in no file. */
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
  /** The only file of credentials to look in: `--authfile`. */
  readonly authFile?: string | undefined;
  /** A folder of `*.crt`, `*.cert` and `*.key` for this registry, instead of those of `certs.d`: `--cert-dir`. */
  readonly certDir?: string | undefined;
  /** The `certs.d` folders, the first that knows a host decides; the user's and the system's by default. */
  readonly certFolders?: readonly string[] | undefined;
  /** Stops everything; what is under way rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told before each pause why nothing happens and for how long. */
  readonly onRetry?: ((message: string) => void) | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** How often a request that fails in passing is made again; 4 by default. */
  readonly retries?: number | undefined;
  /** Milliseconds before the first retry, each further pause is twice as long; 500 by default. */
  readonly backoff?: number | undefined;
  /** Milliseconds that no pause exceeds, whatever `Retry-After` says; 60,000 by default. */
  readonly longestPause?: number | undefined;
  /** Where proxies, credentials and certificates are looked up; the process's own by default. */
  readonly env?: Environment | undefined;
}

/** Milliseconds. */
export interface Timeouts {
  /** From the request to the headers of the answer: name look-up, connection and TLS included. */
  readonly connect: number;
  /** Without a single byte of a body. */
  readonly idle: number;
  /** For the whole of a small document, however steadily it drips. */
  readonly document: number;
}

const TIMEOUTS: Timeouts = { connect: 30_000, idle: 30_000, document: 120_000 };

/** Options with the defaults filled in. */
export interface Settings {
  readonly tlsVerify: boolean | undefined;
  readonly credentials: Credentials | undefined;
  readonly authFile: string | undefined;
  readonly certDir: string | undefined;
  readonly certFolders: readonly string[] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onRetry: ((message: string) => void) | undefined;
  readonly timeouts: Timeouts;
  readonly retries: number;
  readonly backoff: number;
  readonly longestPause: number;
  readonly env: Environment;
}

export function settingsOf(options: RegistryOptions): Settings {
  const { credentials } = options;
  return {
    tlsVerify: options.tlsVerify,
    credentials: credentials && { kind: "password", ...credentials },
    authFile: options.authFile,
    certDir: options.certDir,
    certFolders: options.certFolders,
    signal: options.signal,
    onRetry: options.onRetry,
    timeouts: { ...TIMEOUTS, ...options.timeouts },
    retries: options.retries ?? 4,
    backoff: options.backoff ?? 500,
    longestPause: options.longestPause ?? 60_000,
    env: options.env ?? process.env,
  };
}
