/** `tsbox version` and `tsbox --version`. */
import { version as number } from "../../package.json";

export async function version(): Promise<number> {
  console.log(number);
  return 0;
}
