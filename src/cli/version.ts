/** `tsbox version` and `tsbox --version`. */
import { version as number } from "../../package.json";

export async function version(): Promise<number> {
  console.log(`tsbox ${number}`);
  return 0;
}
