/** `--secret NAME[,type=mount|env][,target=...][,uid=][,gid=][,mode=]`, as podman has it. */
import { TsboxError } from "../../error.ts";

export interface SecretRequest {
  /** Name or id; its value is read when the container starts, and nowhere but in the plan. */
  readonly secret: string;
  readonly type: "mount" | "env";
  /** Of `mount`: absolute path. Of `env`: the variable's name. Absent: the secret's own name. */
  readonly target: string | undefined;
  /** Absent: those of the program, which could not read it otherwise. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mode: number;
  readonly flag: string;
}

/** Where secrets are, unless their target says otherwise. */
export const SECRETS_FOLDER = "/run/secrets";
const MODE = 0o400;

/** @throws TsboxError `usage` */
export function parseSecret(text: string): SecretRequest {
  const flag = `--secret ${text}`;
  const fail = (reason: string) => new TsboxError("usage", `cannot use ${flag}: ${reason}`);
  const [first = "", ...parts] = text.split(",");
  const keys = new Map<string, string>();
  // Docker's builds write it so
  if (/^(source|src|id)=/.test(first)) parts.unshift(first);
  else keys.set("source", first);
  for (const part of parts) {
    const at = part.indexOf("=");
    const key = at < 0 ? part : part.slice(0, at);
    const name = key === "src" || key === "id" ? "source" : key === "dst" || key === "destination" ? "target" : key;
    if (!["source", "type", "target", "uid", "gid", "mode"].includes(name)) throw fail(`there is no key ${key}`);
    keys.set(name, at < 0 ? "" : part.slice(at + 1));
  }
  const secret = keys.get("source") ?? "";
  if (secret === "") throw fail("the secret's name is missing");
  const type = keys.get("type") ?? "mount";
  if (type !== "mount" && type !== "env") throw fail("the type is mount or env");
  const number = (key: string) => {
    const value = keys.get(key);
    if (value === undefined) return undefined;
    if (!/^\d{1,10}$/.test(value) || Number(value) > 2 ** 32 - 2) throw fail(`${key}=${value} is not an id`);
    return Number(value);
  };
  const mode = keys.get("mode");
  if (mode !== undefined && !/^0?[0-7]{1,3}$/.test(mode)) throw fail(`mode=${mode} is not an octal mode`);
  if (type === "env" && (mode ?? keys.get("uid") ?? keys.get("gid")) !== undefined)
    throw fail("a variable has no owner and no mode");
  const target = keys.get("target");
  if (target !== undefined && type === "env" && !/^[^=\s\0]+$/.test(target))
    throw fail(`${JSON.stringify(target)} is not a variable's name`);
  return {
    secret,
    type,
    target: target === undefined || type === "env" ? target : targetPath(target, fail),
    uid: number("uid"),
    gid: number("gid"),
    mode: mode === undefined ? MODE : Number.parseInt(mode, 8),
    flag,
  };
}

/** A relative target is below {@link SECRETS_FOLDER}. */
function targetPath(target: string, fail: (reason: string) => TsboxError): string {
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.includes("..")) throw fail(`${JSON.stringify(target)} is not a file's path`);
  return target.startsWith("/") ? `/${parts.join("/")}` : `${SECRETS_FOLDER}/${parts.join("/")}`;
}
