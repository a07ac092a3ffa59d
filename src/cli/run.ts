/** `tsbox run` */
import { runContainer } from "../container/run.ts";
import { isOn, parseArgs } from "./args.ts";
import { RUN } from "./run-flags.ts";
import { readRunOptions } from "./run-options.ts";

/** Does not return when the container starts: this process becomes its supervisor. */
export async function run(argv: readonly string[]): Promise<number> {
  const args = parseArgs(RUN, argv, true);
  if (isOn(args, "help")) {
    const { helpText } = await import("./args.ts");
    console.log(await helpText(RUN));
    return 0;
  }
  const options = readRunOptions(args, process.env, process.cwd());
  return await runContainer(options, { explain: isOn(args, "explain"), quiet: isOn(args, "quiet") });
}
