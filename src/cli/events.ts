/** `tsbox events` */
import { readEvents } from "../container/event-log.ts";
import { writeAll } from "../linux/write-text.ts";
import { openStore } from "../store/index.ts";
import { all, type CommandDefinition, last, type ParsedArgs } from "./args.ts";
import { HELP, readCommand, refuseOperands } from "./command.ts";
import { EVENT_FILTERS, type EventView, eventJSON, eventLine, eventViews } from "./event-view.ts";
import { chooseBy } from "./format/filters.ts";
import { parseTime } from "./logs.ts";
import { printable } from "./readable.ts";

export const EVENTS: CommandDefinition = {
  name: "events",
  description:
    "Tell what happens to containers, images, volumes and networks, until Ctrl-C. With --since what has happened, too.",
  operands: "",
  flags: {
    since: { type: "string", description: "From a time on, or so long ago", valueHint: "TIME|DURATION" },
    until: { type: "string", description: "Until a time, then end", valueHint: "TIME|DURATION" },
    filter: {
      type: "string",
      alias: "f",
      description: "container, event, image, label, network, type or volume, =VALUE",
      valueHint: "NAME=VALUE",
      repeated: true,
    },
    format: {
      type: "string",
      description: "json, or a template with {{.Type}}, {{.Action}}, ...",
      valueHint: "FORMAT",
    },
    stream: { type: "boolean", description: "Wait for more; with --stream=false all that has happened" },
    ...HELP,
  },
  examples: [
    ["tsbox events", "from now on"],
    ["tsbox events --since 10m --filter event=die", "which containers have ended, and will"],
    ["tsbox events --stream=false --format json", "all that is known, for programs"],
  ],
};

export async function events(argv: readonly string[]): Promise<number> {
  const args = await readCommand(EVENTS, argv);
  if (args === undefined) return 0;
  refuseOperands(EVENTS, args);
  const now = Date.now();
  const stream = last(args, "stream") !== "false";
  const until = timeOf(args, "until");
  const since = timeOf(args, "since") ?? (stream ? now : 0);
  const wanted = chooseBy(all(args, "filter"), EVENT_FILTERS);
  const print = await printer(last(args, "format"));
  const follow = stream && (until === undefined || until > now);
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
  const timer = follow && until !== undefined ? setTimeout(end, until - now) : undefined;
  try {
    const store = openStore().root;
    const view = eventViews(store);
    for await (const event of readEvents(store, { follow, signal: ending.signal })) {
      // labels are learned of what is not shown, too
      const shown = view(event);
      const inTime = event.time >= since && (until === undefined || event.time <= until);
      if (inTime && wanted(shown)) writeAll(1, `${print(shown)}\n`);
    }
  } finally {
    clearTimeout(timer);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end);
  }
  return 0;
}

function timeOf(args: ParsedArgs, name: string): number | undefined {
  const text = last(args, name);
  return text === undefined ? undefined : Date.parse(parseTime(text, `--${name}`));
}

async function printer(format: string | undefined): Promise<(view: EventView) => string> {
  if (format === undefined) return eventLine;
  if (format === "json" || /^\{\{ *json +\. *\}\}$/.test(format)) return eventJSON;
  const { compileTemplate } = await import("./format/template.ts");
  const template = compileTemplate(format.replaceAll("\\t", "\t").replaceAll("\\n", "\n"), { clean: printable });
  return template.render;
}
