/** The commands of the executable: what they print, where, and how they end. `tests/integration/` has what runs in containers. */
import { describe, expect, setDefaultTimeout } from "bun:test";
import pkg from "../../package.json";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";

setDefaultTimeout(60_000);

const test = requires(executable);
const withImages = requires(executable, busybox, userNamespaces);

const COMMANDS = ["run", "pull", "images", "rmi", "ps", "rm"];

describe("help", () => {
  test("is what comes without a command, and names every command", async () => {
    using person = new Person();
    const text = await person.ok([]);
    expect(await person.ok(["--help"])).toBe(text);
    expect(await person.ok(["help"])).toBe(text);
    for (const command of [...COMMANDS, "doctor", "version"]) expect(text).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  for (const command of COMMANDS) {
    test(`tsbox ${command} --help has usage and examples, without colours in a pipe`, async () => {
      using person = new Person();
      const text = await person.ok([command, "--help"]);
      expect(text).toContain(`USAGE tsbox ${command} [OPTIONS]`);
      expect(text).toContain(`  tsbox ${command}`);
      expect(text).not.toContain("\x1b");
      expect(text).toContain("--help");
    });
  }
});

test("help of a command that Docker and runc have leads to the other one", async () => {
  using person = new Person();
  for (const command of ["run", "create", "start", "kill", "exec", "ps", "pause", "update", "events"]) {
    expect(await person.ok([command, "--help"])).toContain(
      `this is the runtime's command: tsbox oci ${command} --help\n`,
    );
    expect(await person.ok(["oci", command, "--help"])).not.toContain("this is the runtime's command");
  }
  expect(await person.ok(["rm", "--help"])).not.toContain("runtime's command");
});

test("the version is that of package.json", async () => {
  using person = new Person();
  // podman and dockerd ask runtimes so
  for (const args of [["--version"], ["-V"], ["-v"], ["version"]])
    expect(await person.ok(args)).toMatch(
      new RegExp(
        `^tsbox version ${pkg.version.replaceAll(".", "\\.")}\ncommit: ([0-9a-f]{12}|unknown)\nspec: 1\\.3\\.0\n$`,
      ),
    );
});

const FAILURES: readonly (readonly [line: string, status: number, message: string])[] = [
  ["pul x", 1, 'tsbox: there is no command "pul"; did you mean pull?'],
  ["constructor", 1, 'tsbox: there is no command "constructor"; see tsbox help'],
  ["__explain", 1, 'tsbox: there is no command "__explain"; see tsbox help'],
  ["--bogus", 125, "tsbox: cannot read the command line: there is no flag --bogus before a command; see tsbox help"],
  ["-x run", 125, "tsbox: cannot read the command line: there is no flag -x before a command; see tsbox help"],
  ["pull", 125, "tsbox: cannot run tsbox pull: no image given; see tsbox pull --help"],
  ["rm", 125, "tsbox: cannot run tsbox rm: no container given; see tsbox rm --help"],
  ["ps x", 125, 'tsbox: cannot run tsbox ps: there is no argument "x"; see tsbox ps --help'],
  [
    "images --digest",
    125,
    "tsbox: cannot read the command line of tsbox images: there is no flag --digest; did you mean --digests?",
  ],
  [
    "ps --format {{.Nmae}}",
    125,
    "tsbox: cannot use --format: at character 3, {{.Nmae}}: there is no field .Nmae; there are .ID, .Names,",
  ],
  ["run", 125, "tsbox: cannot run: no image given; see tsbox run --help"],
  ["run --gpus all x", 125, "tsbox: cannot use --gpus: tsbox run has not built it yet"],
  ["run -v x", 125, "tsbox: cannot run: no image given; see tsbox run --help"],
  ["run UPPER:case:x", 125, "tsbox: cannot "],
  ["kill --all box KILL", 125, 'tsbox: cannot run tsbox kill: --all is every container, and "box" is named, too'],
  ["rm -fa box", 125, 'tsbox: cannot run tsbox rm: --all is every container, and "box" is named, too'],
  ["pod rm -a box", 125, 'tsbox: cannot run tsbox pod rm: --all is every pod, and "box" is named, too'],
  ["volume rm -a box", 125, 'tsbox: cannot run tsbox volume rm: --all is every volume, and "box" is named, too'],
  ["secret rm -a box", 125, 'tsbox: cannot run tsbox secret rm: --all is every secret, and "box" is named, too'],
  ["rm nothing", 1, 'tsbox: cannot find container "nothing": there is none of that name or id'],
  ["rm ../../etc", 1, 'tsbox: cannot find container "../../etc": there is none of that name or id'],
  ["pull oci:/nonexistent", 1, "tsbox: cannot "],
  ["run oci:/nonexistent true", 125, "tsbox: cannot "],
];

describe("failures", () => {
  for (const [line, status, message] of FAILURES) {
    test(`tsbox ${line} is one sentence and ends with ${status}`, async () => {
      using person = new Person();
      const { exitCode, stdout, stderr } = await person.run(line.split(" "));
      expect(stderr).toStartWith(message);
      expect(stderr.trimEnd()).not.toContain("\n");
      expect(stdout).toBe("");
      expect(exitCode).toBe(status);
    });
  }

  test("what the kernel refuses ends run with 125, and other commands with 1", async () => {
    using person = new Person();
    // a folder stands where a file is to be
    for (const name of ["volumes", "containers"]) await Bun.write(`${person.storage}/${name}`, "");
    const other = await person.run(["volume", "create", "x"]);
    expect(other).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^tsbox: cannot [a-z0-9]+ \/.*\n$/) });
    const run = await person.run(["run", "--rootfs", "/", "true"]);
    expect(run).toMatchObject({ exitCode: 125, stderr: expect.stringMatching(/^tsbox: cannot .*\n$/) });
  });

  test("TSBOX_DEBUG=1 shows where it came from", async () => {
    using person = new Person();
    const { stderr } = await person.run(["run"], { env: { TSBOX_DEBUG: "1" } });
    expect(stderr).toContain("TsboxError");
  });
});

const DIGEST = /^sha256:[0-9a-f]{64}\n$/;

describe("images", () => {
  withImages("are pulled, listed and removed", async () => {
    using person = new Person();
    const image = writeBusyboxLayout(person.folder.join("layout"));
    const first = await person.run(["pull", image]);
    expect(first.exitCode).toBe(0);
    expect(first.stdout).toMatch(DIGEST);
    expect(first.stderr).toMatch(/^pulling oci:.* sha256:[0-9a-f]{64}\n[0-9a-f]{12} +[\d.]+ .?B done\n$/);
    const again = await person.run(["pull", "-q", image]);
    expect(again).toEqual({ exitCode: 0, stdout: first.stdout, stderr: "" });

    const table = (await person.ok(["images", "--digests"])).trimEnd().split("\n");
    expect(table).toHaveLength(2);
    expect(table[0]).toMatch(/^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE$/);
    expect(table[1]).toStartWith(`oci:${person.folder.join("layout")}   latest    ${first.stdout.trim()}   `);
    const [row] = JSON.parse(await person.ok(["images", "--format", "json"]));
    expect(row).toMatchObject({ Tag: "latest", Digest: first.stdout.trim() });
    const id = (await person.ok(["images", "-q"])).trim();
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    expect((await person.ok(["images", "-q", "--no-trunc"])).trim()).toStartWith(`sha256:${id}`);

    expect(await person.ok(["rmi", image])).toContain(image);
    expect(await person.ok(["images", "-q"])).toBe("");
    const gone = await person.run(["rmi", image]);
    expect(gone.exitCode).toBe(1);
    expect(gone.stderr).toStartWith("tsbox: cannot ");
    expect((await person.run(["rmi", "-f", image])).exitCode).toBe(0);
  });

  withImages("that cannot be pulled do not keep others from being pulled", async () => {
    using person = new Person();
    const image = writeBusyboxLayout(person.folder.join("layout"));
    const { exitCode, stdout, stderr } = await person.run(["pull", "-q", "oci:/nonexistent", image]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(DIGEST);
    expect(stderr).toContain("/nonexistent");
  });

  withImages("are pulled with bars on a terminal", async () => {
    using person = new Person();
    const image = writeBusyboxLayout(person.folder.join("layout"));
    await using session = person.terminal(["pull", image]);
    await session.see(/\[=*>? *\]/);
    await session.see(/ done\r\n/);
    await session.see(/sha256:[0-9a-f]{64}\r\n/);
    expect(await session.exited).toBe(0);
  });

  withImages("go where --root says", async () => {
    using person = new Person();
    const image = writeBusyboxLayout(person.folder.join("layout"));
    const store = person.folder.join("elsewhere");
    await person.ok(["--root", store, "pull", "-q", image]);
    expect(await person.ok(["images", "-q"])).toBe("");
    expect(await person.ok([`--root=${store}`, "images", "-q"])).toMatch(/^[0-9a-f]{12}\n$/);
    expect(await person.ok(["--root", store, "run", "--rm", "--network=none", image, "echo", "hello"])).toBe("hello\n");
  });
});

describe("containers", () => {
  const RUN = ["run", "--network=none"];

  withImages("that have ended are listed with -a, and removed by name, id, or its beginning", async () => {
    using person = new Person();
    const image = writeBusyboxLayout(person.folder.join("layout"));
    await person.ok(["pull", "-q", image]);
    await person.ok([...RUN, "--name", "first", "--label", "a=b", image, "true"]);
    await person.ok([...RUN, image, "true"]);
    await person.ok([...RUN, image, "true"]);
    await person.ok([...RUN, "--rm", image, "true"]);
    expect(await person.ok(["ps", "-q"])).toBe("");
    const rows: { ID: string; Names: string; Status: string; Labels: string }[] = JSON.parse(
      await person.ok(["ps", "-a", "--no-trunc", "--format", "json"]),
    );
    for (const { Status } of rows) expect(Status).toMatch(/^Exited \(0\) .* ago$/);
    // the newest first
    const [third, second, first] = rows;
    expect(first).toMatchObject({ Names: "first", Labels: "a=b" });
    expect(await person.ok(["rm", "first", second?.ID ?? "", (third?.ID ?? "").slice(0, 12)])).toBe(
      `first\n${second?.ID}\n${third?.ID.slice(0, 12)}\n`,
    );
    expect(await person.ok(["ps", "-aq"])).toBe("");
    expect((await person.run(["rm", "first"])).exitCode).toBe(1);
    expect((await person.run(["rm", "-f", "first"])).exitCode).toBe(0);
  });

  for (const rm of [[], ["--rm"]]) {
    withImages(`that run${rm.join(" ")} are not removed, unless by force, which kills them`, async () => {
      using person = new Person();
      const image = writeBusyboxLayout(person.folder.join("layout"));
      const child = person.spawn([...RUN, ...rm, "--name", "busy", image, "sh", "-c", "echo ready; sleep 1000"]);
      const reader = child.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
      expect(await person.ok(["ps", "--format", "{{.Names}} {{.State}}"])).toBe("busy running\n");
      const refused = await person.run(["rm", "busy"]);
      expect(refused).toMatchObject({
        exitCode: 1,
        stderr: "tsbox: cannot remove container busy: it is running; stop it first, or use: tsbox rm -f busy\n",
      });
      expect(await person.ok(["rm", "-f", "busy"])).toBe("busy\n");
      expect(await child.exited).toBe(137);
      expect(await person.ok(["ps", "-aq"])).toBe("");
    });
  }
});
