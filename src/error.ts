/**
 * The one error class of tsbox. A failure is data: a code for programs, a sentence for people.
 *
 * Messages read `cannot <verb> <object>: <reason>`, lower case, without a full stop. They name the path, digest,
 * URL or operation, and, where there is one, what the person can do. A layer that knows more wraps an error
 * (`cause`) instead of logging it; only `main.ts` prints and ends the process.
 */

/** What kind of failure it is; decides the exit status and how callers react. */
export type ErrorCode =
  /** the command line, a flag or a reference is malformed */
  | "usage"
  /** an image, tag, container, blob or file does not exist */
  | "not-found"
  /** the name or file is there already */
  | "exists"
  /** bytes from outside (manifest, config, archive) break their specification */
  | "invalid"
  /** well-formed, but not something tsbox or this host can do */
  | "unsupported"
  /** the kernel or a registry refuses */
  | "denied"
  /** wrong or missing credentials */
  | "auth"
  /** a connection failed, was cut or timed out */
  | "network"
  /** a digest or size does not match */
  | "integrity"
  /** reading or writing failed */
  | "io"
  /** the disk or a quota is full */
  | "no-space"
  /** something else is using it */
  | "busy"
  /** the host lacks something that was asked for */
  | "host"
  /** a program to be run does not exist (exit status 127) */
  | "command-not-found"
  /** a program to be run cannot be executed (exit status 126) */
  | "command-not-executable"
  /** a bug in tsbox */
  | "internal";

export class TsboxError extends Error {
  override readonly name = "TsboxError";
  readonly code: ErrorCode;
  /** Machine-readable facts: path, digest, url, index of the operation. Never secrets. */
  readonly context: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { context?: Record<string, unknown> | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.context = options.context ?? {};
  }
}

export function isTsboxError(value: unknown): value is TsboxError {
  return value instanceof TsboxError;
}
