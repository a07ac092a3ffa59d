/** The value of `--userns`. */
import { TsboxError } from "../error.ts";

export type UsernsMode =
  /** subordinate ids where they work, else the caller's own id only; for root no user namespace */
  | { readonly mode: "auto" }
  /** like `auto`, but an error where subordinate ids do not work; also makes root use a user namespace */
  | { readonly mode: "subuid" }
  /** only the caller's own id */
  | { readonly mode: "single" }
  /** the caller's id in the container is `uid` and `gid`: their own id when absent */
  | { readonly mode: "keep-id"; readonly uid?: number; readonly gid?: number }
  /** no user namespace */
  | { readonly mode: "host" };

const ID = /^\d{1,10}$/;
const MAX_ID = 0xfffffffe;

/**
 * Reads `auto`, `subuid`, `single`, `host`, `keep-id` or `keep-id:uid=N,gid=N`.
 *
 * @throws TsboxError `usage`
 */
export function parseUserns(text: string): UsernsMode {
  if (text === "auto" || text === "subuid" || text === "single" || text === "host") return { mode: text };
  const [name, list = "", ...rest] = text.split(":");
  if (name !== "keep-id" || rest.length > 0) {
    throw usage(text, "expected auto, subuid, single, keep-id[:uid=N,gid=N] or host");
  }
  const ids: { uid?: number; gid?: number } = {};
  for (const part of text.includes(":") ? list.split(",") : []) {
    const [key, value = ""] = part.split("=", 2);
    if (key !== "uid" && key !== "gid") throw usage(text, `keep-id has no option '${key}', only uid and gid`);
    if (!ID.test(value) || Number(value) > MAX_ID) throw usage(text, `'${value}' is not an id`);
    ids[key] = Number(value);
  }
  return { mode: "keep-id", ...ids };
}

function usage(text: string, reason: string): TsboxError {
  return new TsboxError("usage", `cannot use --userns=${text}: ${reason}`, { context: { userns: text } });
}
