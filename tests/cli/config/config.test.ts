/** Configuration files: what they may say, how they go together with each other and the command line. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { all, last, parseArgs } from "../../../src/cli/args.ts";
import { configFiles, withDefaults } from "../../../src/cli/config/apply.ts";
import { EXAMPLE } from "../../../src/cli/config/document.ts";
import { loadConfig } from "../../../src/cli/config/load.ts";
import { keysOf, NO_DEFAULT } from "../../../src/cli/config/schema.ts";
import { RUN } from "../../../src/cli/run-flags.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const ENV = { HOME: "/home/someone" };

function load(...texts: string[]) {
  using folder = temporaryFolder();
  const files = texts.map((text, i) => {
    writeFileSync(folder.join(`${i}.toml`), text);
    return folder.join(`${i}.toml`);
  });
  return loadConfig(files, ENV);
}

/** The message, with the file's name cut to its last part. */
function failure(text: string): string {
  try {
    load(text);
  } catch (error) {
    expect(error).toMatchObject({ code: "usage" });
    return error instanceof Error ? error.message.replace(/\/\S*\/(?=0\.toml)/, "") : String(error);
  }
  throw new Error("it was read");
}

describe("what a file may say", () => {
  test("defaults of flags, as a command line would", () => {
    const { run } = load(
      '[run]\nmemory = "1g"\npids-limit = 100\ncpus = 1.5\ninit = true\nrm = false\nenv = ["A=1", "B"]\nvolume = "/a:/b"\n',
    );
    expect(Object.fromEntries(run)).toEqual({
      memory: ["1g"],
      "pids-limit": ["100"],
      cpus: ["1.5"],
      init: ["true"],
      rm: ["false"],
      env: ["A=1", "B"],
      volume: ["/a:/b"],
    });
  });

  test("the other sections become flags and variables", () => {
    const { run, variables } = load(`
[storage]
root = "~/boxes"
driver = "copy"
[network]
default = "none"
subnets = ["10.100.0.0/16", "10.9.0.0/24"]
[log]
driver = "json-file"
max-size = "10m"
max-file = 3
[registries]
insecure = ["a.lan:5000", "[::1]:5000"]
[registries.mirrors]
"docker.io" = ["m.lan", "n.lan/hub"]
"ghcr.io" = ["m.lan"]
`);
    expect(Object.fromEntries(run)).toEqual({
      "storage-driver": ["copy"],
      network: ["none"],
      "log-driver": ["json-file"],
      "log-opt": ["max-size=10m", "max-file=3"],
    });
    expect(variables).toEqual({
      TSBOX_ROOT: "/home/someone/boxes",
      TSBOX_NETWORK_SUBNETS: "10.100.0.0/16,10.9.0.0/24",
      TSBOX_INSECURE_REGISTRIES: "a.lan:5000,[::1]:5000",
      TSBOX_REGISTRY_MIRRORS: "docker.io=m.lan,n.lan/hub;ghcr.io=m.lan",
    });
  });

  test("nothing", () => {
    expect(load("", "# only a comment\n")).toEqual({ run: new Map(), variables: {} });
  });

  test("what the manual shows", () => {
    expect(load(EXAMPLE).run.get("memory")).toEqual(["1g"]);
  });

  test("every flag of run, but for those of one container", () => {
    expect([...keysOf("run"), ...NO_DEFAULT].sort()).toEqual(Object.keys(RUN.flags).sort());
  });
});

describe("errors name file and line", () => {
  test.each([
    ["a = 1\n[run]\n", '0.toml:1: there is no section or key "a"; see man tsbox.toml'],
    ["[rum]\n", '0.toml:1: there is no section or key "rum"; did you mean run?'],
    ['[run]\n\nmemroy = "1g"\n', '0.toml:3: there is no key "memroy" in [run]; did you mean memory?'],
    ["[run]\nconstructor = 1\n", '0.toml:2: there is no key "constructor" in [run]; see man tsbox.toml'],
    ["[run]\n__proto__ = 1\n", '0.toml:2: there is no key "__proto__" in [run]; see man tsbox.toml'],
    ['[run]\nname = "x"\n', "0.toml:2: run.name cannot have a default: it is about one container"],
    ['[run]\nrm = true\ninit = "yes"\n', "0.toml:3: run.init: expected true or false"],
    ["[run]\nmemory = true\n", "0.toml:2: run.memory: expected text or a number"],
    ["[run]\nenv = [\n  'A=1',\n  2,\n]\n", "0.toml:4: run.env.1: expected text"],
    ["[run]\nenv = 1\n", "0.toml:2: run.env: expected a list of texts"],
    ["run = 1\n", "0.toml:1: run: expected Object but received 1"],
    ['[storage]\nroot = "boxes"\n', "0.toml:2: storage.root: expected a path that begins with / or ~/"],
    ['[storage]\nroof = "/boxes"\n', '0.toml:2: there is no key "roof" in [storage]; did you mean root?'],
    [
      '[registries]\ninsecure = ["http://x"]\n',
      "0.toml:2: registries.insecure.0: expected a host, with its port if it has one",
    ],
    ['[registries.mirrors]\n"docker.io" = "x"\n', "0.toml:2: registries.mirrors.docker.io: expected a list of hosts"],
    ["[run]\ninit = tru\n", '0.toml:2: strings must be quoted: "tru"'],
    ["[run]\ninit = true\ninit = true\n", "0.toml:3: cannot redefine key 'init'"],
    // values that a flag would refuse
    ['[run]\npull = "missing"\nmemory = "much"\n', "0.toml:3: cannot use --memory"],
    ['[run]\nuserns = "mine"\n', "0.toml:2: cannot use --userns"],
    ['[run]\nvolume = [\n  "/a:/b",\n  "relative",\n  "/c:/d",\n]\n', "0.toml:4: cannot use -v relative"],
    ['[network]\ndefault = "a b"\n', "0.toml:2: cannot use --network"],
    ['[network]\nsubnets = ["10.0.0.0/8",\n"10.0.0.1/8"]\n', "0.toml:3: network.subnets: 10.0.0.1/8 is not an IPv4"],
    ['[storage]\ndriver = "zfs"\n', "0.toml:2: cannot use --storage-driver"],
    ['[log]\n\nmax-size = "big"\n', "0.toml:3: cannot use --log-opt"],
  ])("%j", (text, message) => {
    expect(failure(text)).toStartWith(`cannot read ${message}`);
  });

  test("a file that cannot be read is named", () => {
    expect(() => loadConfig(["/proc/self/mem"], ENV)).toThrow("cannot read the configuration /proc/self/mem: ");
  });
});

describe("the files and the command line", () => {
  const config = load(
    '[run]\nmemory = "1g"\nenv = ["A=1"]\ninit = true\n[log]\ndriver = "json-file"\nmax-size = "1m"\n',
    '[run]\nmemory = "2g"\nenv = ["B=2"]\n',
  );
  const read = (...words: string[]) => withDefaults(RUN, parseArgs(RUN, [...words, "image", "--rm"], true), config);

  test("the later file counts more, and adds to lists", () => {
    const args = read();
    expect(last(args, "memory")).toBe("2g");
    expect(all(args, "env")).toEqual(["A=1", "B=2"]);
    expect(last(args, "init")).toBe("true");
    expect(args.positionals).toEqual(["image", "--rm"]);
  });

  test("the command line counts most, and adds to lists", () => {
    const args = read("--memory", "3g", "-e", "C=3", "--init=false");
    expect(all(args, "memory")).toEqual(["3g"]);
    expect(all(args, "env")).toEqual(["A=1", "B=2", "C=3"]);
    expect(last(args, "init")).toBe("false");
  });

  test("options of a log driver are not another's", () => {
    expect(all(read(), "log-opt")).toEqual(["max-size=1m"]);
    expect(all(read("--log-driver=json-file"), "log-opt")).toEqual(["max-size=1m"]);
    expect(all(read("--log-driver=none"), "log-opt")).toEqual([]);
    const usual = load('[log]\nmax-size = "1m"\n');
    const typed = parseArgs(RUN, ["--log-driver=json-file", "image"], true);
    expect(all(withDefaults(RUN, typed, usual), "log-opt")).toEqual(["max-size=1m"]);
  });

  test("a command without a flag does not get it", () => {
    const { init: _init, ...flags } = RUN.flags;
    expect(withDefaults({ ...RUN, flags }, parseArgs(RUN, ["image"], true), config).flags.has("init")).toBe(false);
  });
});

describe("which files are read", () => {
  test("the machine's, then the person's, or the one that TSBOX_CONFIG names", () => {
    using folder = temporaryFolder();
    const machine = folder.join("etc.toml");
    const own = folder.join("config/tsbox/config.toml");
    const env = { HOME: "/nowhere", XDG_CONFIG_HOME: folder.join("config") };
    expect(configFiles(env, machine)).toEqual([]);
    mkdirSync(folder.join("config/tsbox"), { recursive: true });
    writeFileSync(own, "");
    expect(configFiles(env, machine)).toEqual([own]);
    writeFileSync(machine, "");
    expect(configFiles(env, machine)).toEqual([machine, own]);
    expect(configFiles({ HOME: folder.path }, machine)).toEqual([machine]);
    expect(configFiles({ HOME: folder.path, XDG_CONFIG_HOME: "config" }, machine)).toEqual([machine]);
    expect(configFiles({}, machine)).toEqual([machine]);
    expect(configFiles({ ...env, TSBOX_CONFIG: "" }, machine)).toEqual([]);
    expect(configFiles({ ...env, TSBOX_CONFIG: machine }, machine)).toEqual([machine]);
    expect(() => configFiles({ ...env, TSBOX_CONFIG: folder.join("none") }, machine)).toThrow(
      "which TSBOX_CONFIG names",
    );
  });
});
