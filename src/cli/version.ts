/** `tsbox version` and `tsbox --version`: three lines, as podman and dockerd read them from a runtime. */
import { version as number } from "../../package.json";

/** Put here by `scripts/build.ts`. */
declare const TSBOX_COMMIT: string | undefined;

export async function version(): Promise<number> {
  const commit = typeof TSBOX_COMMIT === "string" ? TSBOX_COMMIT : "unknown";
  console.log(`tsbox version ${number}\ncommit: ${commit}\nspec: 1.3.0`);
  return 0;
}
