/** `tsbox run` */
import { runContainer } from "../container/run.ts";
import type { OnPullEvent } from "../image/index.ts";
import { isOn, parseArgs } from "./args.ts";
import { withDefaults } from "./config/apply.ts";
import { RUN } from "./run-flags.ts";
import { readRunOptions } from "./run-options.ts";

/** Does not return when the container starts: this process becomes its supervisor. */
export async function run(argv: readonly string[]): Promise<number> {
  const args = withDefaults(RUN, parseArgs(RUN, argv, true));
  if (isOn(args, "help")) {
    const { helpText } = await import("./args.ts");
    console.log(await helpText(RUN));
    return 0;
  }
  const folder = process.cwd();
  const options = { ...readRunOptions(args, process.env, folder), typed: { command: ["run", ...argv], folder } };
  const quiet = isOn(args, "quiet");
  return await runContainer(options, { explain: isOn(args, "explain"), ...(quiet ? {} : { onEvent: showLater() }) });
}

/** The renderer is loaded with the first event: mostly the image is here, and there is none. */
export function showLater(): OnPullEvent {
  let show: Promise<OnPullEvent> | undefined;
  return (event) => {
    show ??= import("./pull-progress.ts").then((module) => module.pullProgress());
    void show.then((render) => render(event));
  };
}
