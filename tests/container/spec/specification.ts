/** From the flags of `tsbox run` to a config.json, for tests: no image, no host, nothing that differs between machines. */
import { parseArgs } from "../../../src/cli/args.ts";
import { RUN } from "../../../src/cli/run-flags.ts";
import { readRunOptions } from "../../../src/cli/run-options.ts";
import { buildSpec, type SpecContext } from "../../../src/container/spec/build.ts";
import type { RunOptions } from "../../../src/container/spec/options.ts";
import type { ContainerDefaults, RuntimeConfig } from "../../../src/oci/index.ts";

export const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
guest:x:1000:1000:guest:/home/guest:/bin/sh
`;
export const GROUP = `root:x:0:
audio:x:29:guest,daemon
users:x:100:guest
guest:x:1000:
`;

export const FILES: Readonly<Record<string, string>> = { "/etc/passwd": PASSWD, "/etc/group": GROUP };

export const CONTEXT: SpecContext = {
  mapping: {
    kind: "subuid",
    name: "subuid-1000-100000-65536",
    uids: [
      { container: 0, host: 1000, count: 1 },
      { container: 1, host: 100000, count: 65536 },
    ],
    gids: [
      { container: 0, host: 1000, count: 1 },
      { container: 1, host: 100000, count: 65536 },
    ],
  },
  hostname: "0123456789ab",
  rootPath: "/store/containers/0123/merged",
  readFile: (path) => FILES[path],
  newNetwork: true,
  files: {
    "/etc/resolv.conf": "/store/containers/0123/resolv.conf",
    "/etc/hosts": "/store/containers/0123/hosts",
    "/etc/hostname": "/store/containers/0123/hostname",
  },
  unifiedCgroups: true,
  hostHas: () => true,
  privilegedDevices: [],
};

/** `tsbox run FLAGS` as options; without an image's name, one is added. */
export function options(flags: readonly string[], env: Readonly<Record<string, string>> = {}): RunOptions {
  return readRunOptions(parseArgs(RUN, flags, true), env, "/home/person");
}

export function specify(
  flags: readonly string[],
  given: {
    readonly image?: ContainerDefaults;
    readonly context?: Partial<SpecContext>;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): RuntimeConfig {
  return buildSpec(options(flags, given.env), given.image ?? { Cmd: ["sh"] }, { ...CONTEXT, ...given.context });
}

/** The sentence that is thrown. */
export function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Error && error.name === "TsboxError") return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}
