/** A real Debian, from a real registry: programs of the size that people run. */
import { afterAll, beforeAll, expect } from "bun:test";
import { debianLayout, debianRequirements } from "../support/debian-image.ts";
import { dockerRegistry, type Registry, startRegistry } from "../support/registry.ts";
import { executable, program, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";

const needs = [executable, userNamespaces, subordinateIds, dockerRegistry, program("skopeo"), ...debianRequirements];
const test = requires(...needs);

let person: Person;
let registry: Registry | undefined;
let image = "";

beforeAll(async () => {
  person = new Person();
  if (!needs.every(({ met }) => met())) return;
  registry = await startRegistry();
  image = registry.push(debianLayout(), "debian:tools");
  await person.ok(["pull", "-q", image], { timeout: 120_000 });
}, 300_000);
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  person[Symbol.dispose]();
});

const output = (...command: string[]) => person.ok(["run", "--rm", "--network=none", image, ...command]);

test("python3 computes, perl matches, git commits and gcc compiles", async () => {
  expect(await output("python3", "-c", "import json, ssl, sqlite3; print(json.dumps({'sum': sum(range(101))}))")).toBe(
    '{"sum": 5050}\n',
  );
  expect(await output("perl", "-e", 'print join(",", map { $_ ** 2 } grep { $_ % 2 } 1..7), "\\n"')).toBe(
    "1,9,25,49\n",
  );
  const git =
    "cd /tmp && git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first && git log --oneline | wc -l";
  expect(await output("sh", "-c", git)).toBe("1\n");
  const gcc =
    "printf '#include <stdio.h>\\nint main(void) { puts(\"compiled\"); }' > /tmp/a.c && gcc -o /tmp/a /tmp/a.c && /tmp/a";
  expect(await output("sh", "-c", gcc)).toBe("compiled\n");
});

test("dpkg knows its packages, and installs and removes one in the container", async () => {
  const script = [
    "mkdir -p /tmp/p/DEBIAN /tmp/p/opt",
    "printf 'Package: tiny\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: tiny\\n' > /tmp/p/DEBIAN/control",
    "echo hello > /tmp/p/opt/tiny",
    "dpkg-deb --build /tmp/p /tmp/tiny.deb > /dev/null",
    "dpkg -i /tmp/tiny.deb > /dev/null 2>&1",
    "cat /opt/tiny",
    "dpkg -r tiny > /dev/null 2>&1",
    "ls /opt | wc -l",
  ];
  expect(await output("sh", "-c", script.join(" && "))).toBe("hello\n0\n");
});

test("files belong to whom the image says, and programs that change users do", async () => {
  expect(await output("sh", "-c", "stat -c '%U:%G %a' /var/mail /etc/shadow /bin/su | tr '\\n' ' '")).toBe(
    "root:mail 2775 root:shadow 640 root:root 4755 ",
  );
  expect(await output("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "id", "-un")).toBe("nobody\n");
});

test("an interactive shell takes what is typed", async () => {
  await using terminal = person.terminal(["run", "--rm", "-it", "--network=none", image, "bash"]);
  await terminal.see(/# /);
  terminal.type("python3\r");
  await terminal.see(/>>> /);
  terminal.type("6 * 7\r");
  await terminal.see(/42/);
  terminal.type("exit()\r");
  await terminal.see(/# /);
  terminal.type("exit 4\r");
  expect(await terminal.exited).toBe(4);
});

for (const driver of ["overlay", "fuse-overlayfs", "copy"]) {
  test(`the driver ${driver} shows the same tree`, async () => {
    const script =
      "find /usr /etc /var /home /root -xdev -not -path '/etc/host*' -not -path /etc/resolv.conf -printf '%p %y %m %U:%G %l\\n' | sort | md5sum";
    const tree = (kind: string) =>
      person.ok(["run", "--rm", "--network=none", `--storage-driver=${kind}`, image, "sh", "-c", script], {
        timeout: 120_000,
      });
    expect(await tree(driver)).toBe(await tree("overlay"));
  }, 180_000);
}
