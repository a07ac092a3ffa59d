/** tsbox.toml(5), but for its head and foot. */
import { RUN } from "../run-flags.ts";
import { keysOf } from "./schema.ts";

const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  storage: {
    root: "Folder of images and containers, as --root and $TSBOX_ROOT, which count more. Begins with / or ~/.",
    driver: "As storage-driver in [run].",
  },
  network: {
    default: "As network in [run]: pasta with options of its own, as pasta:--mtu,1500, or another.",
    subnets: "IPv4 ranges, as 10.100.0.0/16, of which each named network that says none gets a /24.",
  },
  registries: {
    insecure: "Hosts, with their ports, whose certificates are not checked, and which may speak plain HTTP.",
    mirrors:
      "A table: for a registry, the hosts that are asked first, in their order. A mirror is HOST[:PORT][/PATH]. What none of them has comes from the registry.",
  },
  log: {
    driver: "As log-driver in [run].",
    "max-size": "Size at which a log is begun anew, as log-opt max-size.",
    "max-file": "How many files of a log are kept, as log-opt max-file.",
  },
};

export const EXAMPLE = `[run]
memory = "1g"
pids-limit = 500
init = true
env = ["LANG", "TZ=Europe/Berlin"]

[storage]
root = "~/containers"

[network]
subnets = ["10.100.0.0/16"]

[log]
max-size = "10m"
max-file = 3

[registries]
insecure = ["registry.lan:5000"]

[registries.mirrors]
"docker.io" = ["mirror.lan/docker-hub"]`;

/** @param roff makes text roff */
export function configPage(roff: (text: string) => string): string[] {
  const key = (name: string, what: string) => [".TP", `\\fB${roff(name)}\\fR`, roff(what)];
  const run = keysOf("run").flatMap((name) => {
    const flag = RUN.flags[name];
    const kind =
      flag?.type === "boolean" ? "true or false" : flag?.repeated ? `list of ${flag.valueHint}` : flag?.valueHint;
    return key(name, `${flag?.description}. (${kind})`);
  });
  return [
    ".SH FILES",
    ...key("/etc/tsbox/config.toml", "The machine's."),
    ...key("$XDG_CONFIG_HOME/tsbox/config.toml", "The person's, by default ~/.config/tsbox/config.toml."),
    ".SH DESCRIPTION",
    roff(
      "Both files are read by every command, if they are there. The person's counts more than the machine's, and the command line more than both; the values of lists are added: the machine's, then the person's, then the command line's. $TSBOX_CONFIG names another file, which is then the only one; empty, there is none. The files are TOML. A key that there is not, or a value that a flag would refuse, is an error that names file and line.",
    ),
    '.SH "[run]"',
    roff(
      "Defaults for the flags of tsbox run and tsbox create, by their long names. Booleans are turned off again with --FLAG=false.",
    ),
    ...run,
    ...keysOf(undefined)
      .filter((section) => section !== "run")
      .flatMap((section) => [
        `.SH "[${section}]"`,
        ...keysOf(section).flatMap((name) => key(name, KEYS[section]?.[name] ?? "")),
      ]),
    ".SH EXAMPLE",
    ".nf",
    ...EXAMPLE.split("\n").map((line) => roff(line)),
    ".fi",
  ];
}
