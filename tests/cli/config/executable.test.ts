/** Configuration files, global flags and Docker's longer names, through the executable. */
import { describe, expect, setDefaultTimeout } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { busybox, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../../support/skip.ts";
import { Person } from "../../support/tsbox.ts";

setDefaultTimeout(60_000);

const test = requires(executable);
const withImages = requires(executable, busybox, userNamespaces);

function personWith(config: string): Person & { readonly config: string } {
  const person = new Person();
  mkdirSync(`${person.home}/.config/tsbox`, { recursive: true });
  const path = `${person.home}/.config/tsbox/config.toml`;
  writeFileSync(path, config);
  return Object.assign(person, { config: path });
}

describe("the configuration", () => {
  withImages("gives run and create their defaults, and the command line counts more", async () => {
    using person = personWith(`
[run]
env = ["FIRST=1"]
hostname = "box"
read-only = true
[network]
default = "none"
`);
    const image = writeBusyboxLayout(person.folder.join("layout"));
    const script = "hostname; echo $FIRST $SECOND; touch /x 2>/dev/null && echo written; ls /sys/class/net";
    const sh = [image, "sh", "-c", script];
    expect(await person.ok(["run", "--rm", "-q", "-e", "SECOND=2", ...sh])).toBe("box\n1 2\nlo\n");
    expect(await person.ok(["run", "--rm", "--hostname=other", "--read-only=false", ...sh])).toBe(
      "other\n1\nwritten\nlo\n",
    );
    await person.ok(["create", "--name", "made", ...sh]);
    expect(await person.ok(["start", "-a", "made"])).toBe("box\n1\nlo\n");
    // what TSBOX_CONFIG names instead: nothing
    const without = await person.ok(["run", "--rm", "--network=none", ...sh], { env: { TSBOX_CONFIG: "" } });
    expect(without).not.toContain("box");
    expect(without).toContain("written");
  });

  withImages("says where the store is; the environment and --root count more", async () => {
    using person = personWith('[storage]\nroot = "~/boxes"\n');
    const image = writeBusyboxLayout(person.folder.join("layout"));
    await person.ok(["pull", "-q", image]);
    expect(existsSync(`${person.home}/boxes/index.json`)).toBe(true);
    expect(existsSync(person.storage)).toBe(false);
    expect(await person.ok(["images", "-q"])).toMatch(/^[0-9a-f]{12}\n$/);
    expect(await person.ok(["images", "-q"], { env: { TSBOX_ROOT: person.storage } })).toBe("");
    expect(await person.ok(["--root", person.storage, "images", "-q"])).toBe("");
    expect(await person.ok(["__complete", "rmi", "oci:"])).toContain(image);
  });

  test("that is wrong is an error of every command but those that explain", async () => {
    using person = personWith('[run]\n\nmemroy = "1g"\n');
    for (const line of ["run x", "ps", "images", "start x"]) {
      const { exitCode, stderr } = await person.run(line.split(" "));
      expect(stderr).toBe(
        `tsbox: cannot read ${person.config}:3: there is no key "memroy" in [run]; did you mean memory?\n`,
      );
      expect(exitCode).toBe(125);
    }
    for (const line of ["help", "--help", "version", "--version", "completion bash", "__complete ps"])
      expect(await person.ok(line.split(" "))).not.toBe("");
    // runtimes have no configuration of the person's
    expect(await person.ok(["oci", "list"])).toBeDefined();
  });

  test("that TSBOX_CONFIG names has to be there", async () => {
    using person = new Person();
    const { exitCode, stderr } = await person.run(["ps"], { env: { TSBOX_CONFIG: "/nonexistent/x" } });
    expect(stderr).toBe(
      "tsbox: cannot read the configuration /nonexistent/x, which TSBOX_CONFIG names: it is not there\n",
    );
    expect(exitCode).toBe(1);
  });
});

describe("global flags", () => {
  test("--log-level debug and --debug show where a failure comes from", async () => {
    using person = new Person();
    for (const flags of [["--log-level", "debug"], ["--log-level=debug"], ["--debug"], ["-D"]]) {
      const { stderr } = await person.run([...flags, "run"]);
      expect(stderr).toStartWith("tsbox: cannot run: no image given");
      expect(stderr).toContain("TsboxError");
    }
    const { stderr } = await person.run(["--log-level", "info", "run"], { env: { TSBOX_DEBUG: "1" } });
    expect(stderr).not.toContain("TsboxError");
  });

  withImages("--log-level error silences warnings, and nothing else", async () => {
    using person = new Person();
    const image = writeBusyboxLayout(person.folder.join("layout"));
    await person.ok(["pull", "-q", image]);
    // with the host's network a published port means nothing, which is said
    const command = ["run", "--rm", "--network=host", "-p", "8080:80", image, "sh", "-c", "echo problem >&2"];
    expect((await person.run(command)).stderr).toMatch(/^tsbox: .*\nproblem\n$/);
    expect((await person.run(["--log-level", "warn", ...command])).stderr).toMatch(/^tsbox: .*\nproblem\n$/);
    expect((await person.run(["--log-level", "error", ...command])).stderr).toBe("problem\n");
    expect((await person.run(["--log-level", "error", "rm", "nothing"])).stderr).toStartWith("tsbox: cannot find");
  });

  test("a level that there is not is an error", async () => {
    using person = new Person();
    const { exitCode, stderr } = await person.run(["--log-level", "loud", "ps"]);
    expect(stderr).toBe("tsbox: cannot use --log-level loud: it is one of debug, info, warn, error\n");
    expect(exitCode).toBe(125);
  });
});

test("Docker's longer names are the short ones", async () => {
  using person = new Person();
  expect(await person.ok(["container", "ls", "-a"])).toBe(await person.ok(["ps", "-a"]));
  expect(await person.ok(["image", "ls"])).toBe(await person.ok(["images"]));
  expect(await person.ok(["image", "rm", "--help"])).toBe(await person.ok(["rmi", "--help"]));
  expect(await person.ok(["container"])).toContain("  ls         as tsbox ps\n");
  const { exitCode, stderr } = await person.run(["image", "lss"]);
  expect(stderr).toBe('tsbox: cannot run tsbox image: there is no command "lss"; did you mean ls?\n');
  expect(exitCode).toBe(125);
});

test("help of a command is its --help, with NO_COLOR also on a terminal", async () => {
  using person = new Person();
  expect(await person.ok(["help", "run"])).toBe(await person.ok(["run", "--help"]));
  expect(await person.ok(["help", "volume"])).toBe(await person.ok(["volume", "--help"]));
  expect(await person.ok(["help", "volume", "create"])).toBe(await person.ok(["volume", "create", "--help"]));
  await using coloured = person.terminal(["ps", "--help"]);
  await coloured.see(/--help/);
  expect(await coloured.exited).toBe(0);
  expect(coloured.screen()).toContain("\x1b[");
  await using plain = person.terminal(["ps", "--help"], { env: { NO_COLOR: "1" } });
  await plain.see(/--help/);
  expect(await plain.exited).toBe(0);
  expect(plain.screen()).not.toContain("\x1b[");
});
