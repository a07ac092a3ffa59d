/** The resolver of a network's hub, really asked, with a server of the host's behind it. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { program, requires, unprivileged, userNamespaces } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const test = requires(unprivileged, userNamespaces, program("nsenter"), program("ip"));

async function ask(names: readonly string[], kind = "open") {
  using folder = temporaryFolder();
  writeFileSync(folder.join("resolv.conf"), "nameserver 127.0.0.9\nnameserver 127.0.0.1\n");
  const script = 'ip link set lo up && mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"';
  const machine = ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c", script, folder.path];
  const { stdout, stderr, exitCode } = Bun.spawnSync([
    ...machine,
    ...[
      process.execPath,
      `${import.meta.dir}/resolver-machine.ts`,
      folder.join("store"),
      "10.213.7.0/24",
      kind,
      ...names,
    ],
  ]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return { said: stderr.toString().trim(), ...JSON.parse(stdout.toString()) };
}

test("it answers for its members, asks the host's servers all else, by UDP and TCP, and takes nobody else's answers", async () => {
  const names = ["web", "WEB.tsbox.internal", "db", "nobody.tsbox.internal", "nobody", "small.example", "c".repeat(63)];
  const answers = await ask(names);
  // id, address and code are those of the one who was asked
  expect(answers).toMatchObject({
    web: "0 10.213.7.2",
    "WEB.tsbox.internal": "0 10.213.7.2",
    db: "0 10.213.7.2",
    "nobody.tsbox.internal": "3",
    nobody: "3",
    "small.example": "0 192.0.2.0",
    many: "0 192.0.2.0",
    // each question has an id that nobody can guess
    said: "ids differ",
  });
  expect(answers["c".repeat(63)]).toBe("3");
  // what is too long for UDP comes whole by TCP, in a connection that began with a name of the network
  expect(answers.tcp[0]).toBe("37 0 10.213.7.2");
  expect(answers.tcp[1]).toMatch(/^4829 0 192\.0\.2\.0 192\.0\.2\.1 /);
  expect(answers.tcp[2]).toBe("47 0 192.0.2.0");
});

test("of an internal network it asks nobody", async () => {
  const answers = await ask(["web", "small.example"], "internal");
  expect(answers).toMatchObject({ web: "0 10.213.7.2", "small.example": "3", many: "3", said: "ids:" });
});
