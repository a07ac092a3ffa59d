/** `tsbox pull` */
import { imageEvent } from "../container/events.ts";
import { chooseMapping, parseUserns } from "../idmap/index.ts";
import { ensureImage, shownName } from "../image/index.ts";
import { compileHotCode } from "../linux/engine.ts";
import { parseImageName, parsePlatform } from "../oci/index.ts";
import { openStore } from "../store/index.ts";
import { type CommandDefinition, isOn, last } from "./args.ts";
import { forEachOperand, HELP, readCommand, requireOperands } from "./command.ts";
import { pullProgress } from "./pull-progress.ts";

export const PULL: CommandDefinition = {
  name: "pull",
  description: "Fetch images, verify and unpack them, so that they are ready to run. Prints the digest of each.",
  operands: "IMAGE...",
  flags: {
    platform: { type: "string", description: "Platform of the image", valueHint: "OS/ARCHITECTURE[/VARIANT]" },
    userns: { type: "string", description: "Unpack for this kind of user namespace", valueHint: "MODE" },
    quiet: { type: "boolean", alias: "q", description: "Print nothing but the digests" },
    "tls-verify": { type: "boolean", description: "Verify certificates of registries, and use no plain HTTP" },
    authfile: { type: "string", description: "File with credentials for registries", valueHint: "FILE" },
    "cert-dir": { type: "string", description: "Folder with certificates for registries", valueHint: "FOLDER" },
    ...HELP,
  },
  examples: [
    ["tsbox pull alpine", "from Docker Hub"],
    ["tsbox pull ghcr.io/owner/image@sha256:...", "exactly this one"],
    ["tsbox pull --platform linux/arm64 debian", "for another machine"],
    ["tsbox pull oci-archive:image.tar:latest", "from a file"],
  ],
};

/** @throws TsboxError `usage`; other failures are printed, and the other images pulled all the same */
export async function pull(argv: readonly string[]): Promise<number> {
  const args = await readCommand(PULL, argv);
  if (args === undefined) return 0;
  requireOperands(PULL, args, "image");
  compileHotCode();
  const platform = last(args, "platform") || undefined;
  const [tlsVerify, authFile, certDir] = [last(args, "tls-verify"), last(args, "authfile"), last(args, "cert-dir")];
  const store = openStore();
  const { mapping } = chooseMapping(parseUserns(last(args, "userns") ?? "auto"));
  const options = {
    store,
    mapping,
    platform: platform === undefined ? undefined : parsePlatform(platform),
    source: {
      ...(tlsVerify === undefined ? {} : { tlsVerify: tlsVerify === "true" }),
      ...(authFile === undefined ? {} : { authFile }),
      ...(certDir === undefined ? {} : { certDir }),
    },
    ...(isOn(args, "quiet") ? {} : { onEvent: pullProgress(true) }),
  };
  return await forEachOperand(args, async (operand) => {
    const name = parseImageName(operand);
    const image = await ensureImage({ ...options, name }, "always");
    imageEvent(store.root, "pull", shownName(name));
    console.log(image.top.digest);
  });
}
