/** Strings that the kernel could not be given. */
import { TsboxError } from "../../error.ts";
import type { RuntimeConfig } from "../../oci/index.ts";

/** Annotations are for people and programs, and may hold anything. @throws TsboxError naming the first field with a zero byte */
export function refuseZeroBytes({ annotations: _, ...config }: RuntimeConfig): void {
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "string" && value.includes("\0"))
      throw new TsboxError("invalid", `cannot run: ${path}: ${JSON.stringify(value)} has a zero byte`);
    if (typeof value !== "object" || value === null) return;
    for (const [key, entry] of Object.entries(value))
      visit(entry, Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`);
  };
  visit(config, "");
}
