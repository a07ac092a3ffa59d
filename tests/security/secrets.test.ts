/** Where a secret's value must not be: in any file but the store's own, in what commands print, in a process that others see. */
import { expect } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { box, test } from "../integration/images.ts";

const it = box();
const VALUE = "S3cr3t-uqZ7-value";
const sh = (script: string) => ["sh", "-c", script];

/** Files of the person that have the value in them, below the home; as root of a container, to whom all of them can be read. */
async function filesWithValue(): Promise<string[]> {
  // not the value itself: it would be in that container's options
  const script = `cd /home && find . -type f -print0 | xargs -0 grep -l '${VALUE.slice(0, 8)}''${VALUE.slice(8)}' | sort`;
  // not what is mounted below it: that container's own root
  const mount = ["--mount", `type=bind,src=${it.person.home},dst=/home,ro,bind-nonrecursive`];
  const found = await it.person.ok(["run", "--rm", "--network=none", ...mount, it.image, "sh", "-c", script]);
  return found.split("\n").filter((line) => line !== "");
}

/** Names in /proc of this user's processes whose environment or command line has the value. */
function processesWithValue(): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) =>
      ["environ", "cmdline"].flatMap((file) => {
        try {
          return readFileSync(`/proc/${pid}/${file}`).includes(VALUE)
            ? [`${file} of ${readlinkSync(`/proc/${pid}/exe`)}`]
            : [];
        } catch {
          return []; // it has ended, or is not ours to look at
        }
      }),
    );
}

const ONLY = ["./.local/share/tsbox/secrets/db/data"];

test("a secret that is a file is in no file of the store, in no process's environment and in nothing that is printed", async () => {
  await it.person.ok(["secret", "create", "db", "-"], { stdin: VALUE });
  const flags = ["--network=none", "--name=holder", "--secret", "db", "--secret", "db,target=/etc/key"];
  const script = "cat /run/secrets/db /etc/key | wc -c; sleep 60";
  await it.person.ok(["run", "-d", ...flags, it.image, ...sh(script)]);
  const log = async () => (await it.person.run(["logs", "holder"])).stdout;
  for (const end = Date.now() + 30_000; (await log()) === "" && Date.now() < end; ) await Bun.sleep(20);
  expect(await log()).toBe(`${2 * VALUE.length}\n`);
  expect(processesWithValue()).toEqual([]);
  expect(await filesWithValue()).toEqual(ONLY);
  for (const args of [
    ["ps", "-a"],
    ["secret", "inspect", "db"],
    ["secret", "ls"],
    ["inspect", "holder"],
  ])
    expect((await it.person.run(args)).stdout).not.toContain(VALUE);
  await it.person.ok(["rm", "-f", "holder"]);
  expect(await filesWithValue()).toEqual(ONLY);
});

test("nor is it in what a commit makes of the container, nor in what the container changed", async () => {
  await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: VALUE });
  const flags = [
    "--network=none",
    "--name=committed",
    "--secret",
    "db",
    "--secret",
    "db,target=/etc/key",
    "--secret",
    "db,type=env",
  ];
  await it.person.ok(["run", ...flags, it.image, ...sh('test -s /etc/key && test -n "$db" && touch /changed')]);
  expect(await filesWithValue()).toEqual(ONLY);
  await it.person.ok(["commit", "committed", "made:1"]);
  const look =
    "find / -xdev -type f ! -path '/proc/*' ! -path '/sys/*' | xargs grep -l uqZ7; env | grep uqZ7; ls -A /run/secrets; wc -c < /etc/key";
  const made = await it.person.ok(["run", "--rm", "--network=none", "--pull=never", "made:1", ...sh(look)]);
  expect(made).toBe("0\n");
  await it.person.ok(["rm", "committed"]);
});

test("a secret that is a variable is in the program's environment and in no file", async () => {
  await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: VALUE });
  const child = it.person.spawn([
    "run",
    "--network=none",
    "--name=env",
    "--secret",
    "db,type=env,target=KEY",
    it.image,
    ...sh('echo "$KEY" | wc -c; sleep 60'),
  ]);
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe(`${VALUE.length + 1}\n`);
  expect(await filesWithValue()).toEqual(ONLY);
  expect(processesWithValue().filter((found) => found.startsWith("cmdline"))).toEqual([]);
  child.kill("SIGKILL");
  await child.exited;
  await it.person.run(["rm", "-f", "env"]);
});

test("--explain shows that there is a secret, not which", async () => {
  await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: VALUE });
  const plan = await it.output(["--explain", "--secret", "db", "--secret", "db,type=env,target=KEY"], ["true"]);
  expect(plan).toContain("put the secret db at /run/secrets/db");
  expect(plan).toContain("KEY=");
  expect(plan).not.toContain(VALUE);
});

test("a failure of the container says nothing of it", async () => {
  await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: VALUE });
  for (const secret of ["db,type=env", "db,target=/proc/key", "db,target=/bin", "db"]) {
    const { exitCode, stdout, stderr } = await it.person.run(
      ["run", "--rm", "--network=none", "--secret", secret, it.image, "no-such-program"],
      { env: { TSBOX_DEBUG: "1" } },
    );
    expect(exitCode).not.toBe(0);
    expect(stdout + stderr).not.toContain(VALUE);
  }
  expect(await filesWithValue()).toEqual(ONLY);
});
