/** `tsbox commit` */
import { commitContainer } from "../container/changes/index.ts";
import { findContainer } from "../container/list.ts";
import { TsboxError } from "../error.ts";
import { writeAll, writeText } from "../linux/write-text.ts";
import { parseImageName } from "../oci/index.ts";
import { openStore } from "../store/index.ts";
import { all, type CommandDefinition, isOn, last, type ParsedArgs } from "./args.ts";
import { HELP, readCommand } from "./command.ts";

export const COMMIT: CommandDefinition = {
  name: "commit",
  description:
    "Make an image of a container and what was changed in it. Prints the image's id. What is in volumes, secrets and other mounts is not part of it.",
  operands: "CONTAINER [NAME]",
  flags: {
    author: { type: "string", alias: "a", valueHint: "text", description: "Who made it" },
    change: {
      type: "string",
      alias: "c",
      repeated: true,
      valueHint: "instruction",
      description:
        "Change the configuration: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR or HEALTHCHECK, as in a Dockerfile",
    },
    message: { type: "string", alias: "m", valueHint: "text", description: "Why it was made; in its history" },
    pause: {
      type: "boolean",
      alias: "p",
      description: "Hold the container up meanwhile (by default where it has a cgroup); --pause=false does not",
    },
    format: {
      type: "string",
      alias: "f",
      valueHint: "oci|docker",
      description: "Kind of its documents; oci by default",
    },
    iidfile: { type: "string", valueHint: "file", description: "Write the image's id to a file" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but the id, as it always is" },
    ...HELP,
  },
  examples: [
    ["tsbox commit web web:patched", "an image of that name"],
    ["tsbox commit -c 'CMD [\"nginx\"]' -m 'with nginx' box", "with another command, found by its id"],
  ],
};

/** @throws TsboxError */
export async function commit(argv: readonly string[]): Promise<number> {
  const args = await readCommand(COMMIT, argv);
  if (args === undefined) return 0;
  const [container, reference, ...more] = args.positionals;
  if (container === undefined || more.length > 0)
    throw new TsboxError("usage", "cannot run tsbox commit: it takes a container and a name; see tsbox commit --help");
  const store = openStore();
  const image = await commitContainer(store, findContainer(store.root, container), {
    author: last(args, "author"),
    comment: last(args, "message"),
    changes: all(args, "change"),
    pause: last(args, "pause") === undefined ? undefined : isOn(args, "pause"),
    format: parseFormat(args),
    name: reference === undefined ? undefined : parseName(reference),
  });
  const file = last(args, "iidfile");
  if (file !== undefined) writeText(file, image);
  writeAll(1, `${image}\n`);
  return 0;
}

function parseFormat(args: ParsedArgs): "oci" | "docker" {
  const format = last(args, "format") ?? "oci";
  if (format === "oci" || format === "docker") return format;
  throw new TsboxError("usage", `cannot use --format ${format}: it is neither oci nor docker`);
}

function parseName(text: string) {
  const name = parseImageName(text);
  if (name.transport === "docker" && name.reference.digest === undefined) return name;
  throw new TsboxError("usage", `cannot commit to ${text}: it has to be a name, with a tag or without`);
}
