/** Secrets through the executable: how they are kept, and how a program gets them. */
import { describe, expect } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { box, test } from "./images.ts";

const it = box();
const sh = (script: string) => ["sh", "-c", script];
const LOOK = (path: string) => `stat -c '%a %u:%g' ${path}; cat ${path}`;

describe("tsbox secret", () => {
  test("create reads a file, standard input or a variable; ls and inspect never show the value", async () => {
    const file = it.person.folder.join("value");
    writeFileSync(file, "from a file\n");
    const id = (await it.person.ok(["secret", "create", "--label", "a=b", "file", file])).trim();
    expect(id).toMatch(/^[0-9a-f]{25}$/);
    await it.person.ok(["secret", "create", "input", "-"], { stdin: "from input" });
    await it.person.ok(["secret", "create", "--env", "variable", "VALUE"], { env: { VALUE: "from a variable" } });
    const list = await it.person.ok(["secret", "ls"]);
    expect(list.split("\n")[0]).toMatch(/^ID +NAME +DRIVER +CREATED +UPDATED$/);
    for (const name of ["file", "input", "variable"])
      expect(list).toMatch(new RegExp(`^[0-9a-f]{25} +${name} +file `, "m"));
    expect(await it.person.ok(["secret", "ls", "--format", "{{.Name}}"])).toBe("file\ninput\nvariable\n");
    expect(await it.person.ok(["secret", "ls", "-q", "--filter", "name=fil"])).toBe(`${id}\n`);
    const inspected = await it.person.ok(["secret", "inspect", "file", id.slice(0, 8)]);
    expect(inspected).not.toContain("from");
    const Spec = { Name: "file", Driver: { Name: "file" }, Labels: { a: "b" } };
    expect(JSON.parse(inspected)).toMatchObject([
      { ID: id, Spec },
      { ID: id, Spec },
    ]);
    expect(JSON.parse(await it.person.ok(["secret", "inspect", "--showsecret", "file"]))[0].SecretData).toBe(
      "from a file\n",
    );
    expect(list).not.toContain("from");
  });

  test("a name is taken once, unless it is to be replaced; what cannot be a secret is refused", async () => {
    const id = await it.person.ok(["secret", "create", "once", "-"], { stdin: "one" });
    const again = await it.person.run(["secret", "create", "once", "-"], { stdin: "two" });
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toBe(
      "tsbox: cannot create secret once: there is one of that name; --replace puts this in its place\n",
    );
    expect(await it.person.ok(["secret", "create", "--ignore", "once", "-"], { stdin: "two" })).toBe(id);
    expect(await it.output(["--secret", "once"], ["cat", "/run/secrets/once"])).toBe("one");
    expect(await it.person.ok(["secret", "create", "--replace", "once", "-"], { stdin: "three" })).toBe(id);
    expect(await it.output(["--secret", "once"], ["cat", "/run/secrets/once"])).toBe("three");
    for (const [name, stdin] of [
      ["../x", "v"],
      [".x", "v"],
      ["a/b", "v"],
      ["empty", ""],
      ["large", "x".repeat(512_001)],
    ] as const)
      expect((await it.person.run(["secret", "create", name, "-"], { stdin })).exitCode).not.toBe(0);
    expect((await it.person.run(["secret", "create", "none", "/nonexistent"])).exitCode).toBe(1);
    expect((await it.person.run(["secret", "create", "-d", "shell", "none", "-"], { stdin: "v" })).exitCode).toBe(125);
  });

  test("several at once: one has the name", async () => {
    const all = await Promise.all(
      Array.from({ length: 6 }, (_, i) => it.person.run(["secret", "create", "raced", "-"], { stdin: `value ${i}` })),
    );
    expect(all.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1);
    expect(readdirSync(`${it.person.storage}/secrets`).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("rm and exists, by name or id", async () => {
    const id = (await it.person.ok(["secret", "create", "gone", "-"], { stdin: "v" })).trim();
    expect((await it.person.run(["secret", "exists", id.slice(0, 10)])).exitCode).toBe(0);
    expect(await it.person.ok(["secret", "rm", "gone"])).toBe(`${id}\n`);
    expect((await it.person.run(["secret", "exists", "gone"])).exitCode).toBe(1);
    expect((await it.person.run(["secret", "rm", "gone"])).exitCode).toBe(1);
    expect((await it.person.run(["secret", "rm", "--ignore", "gone"])).exitCode).toBe(0);
    const refused = await it.run(["--secret", "gone"], ["true"]);
    expect(refused.exitCode).toBe(125);
    expect(refused.stderr).toContain('cannot find secret "gone"');
  });

  test("its folder and its files are its owner's alone", async () => {
    await it.person.ok(["secret", "create", "private", "-"], { stdin: "v" });
    const mode = (path: string) => statSync(`${it.person.storage}/secrets${path}`).mode & 0o777;
    expect([mode(""), mode("/private"), mode("/private/data"), mode("/private/secret.json")]).toEqual([
      0o700, 0o700, 0o600, 0o600,
    ]);
  });
});

describe("run --secret", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);

  for (const flags of [
    [],
    ["--userns=single"],
    ["--userns=keep-id"],
    ["--storage-driver=copy"],
    ["--user=guest"],
    ["--read-only"],
  ]) {
    test(`is a file of mode 0400 in a read-only tmpfs that the program may read ${flags.join(" ")}`, async () => {
      await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: "pass" });
      const ids = await it.output(flags, sh("echo $(id -u):$(id -g)"));
      expect(await it.output([...flags, "--secret", "db"], sh(LOOK("/run/secrets/db")))).toBe(`400 ${ids}\npass`);
      const mount = await it.output([...flags, "--secret", "db"], ["grep", " /run/secrets ", "/proc/mounts"]);
      expect(mount).toMatch(/^\S+ \/run\/secrets tmpfs ro,nosuid,nodev,noexec/);
      expect((await it.run([...flags, "--secret", "db"], ["rm", "-f", "/run/secrets/db"])).stderr).toContain(
        "Read-only",
      );
    });
  }

  test("every byte of it is there", async () => {
    await it.person.ok(["secret", "create", "binary", "-"], { stdin: bytes });
    const wanted = Buffer.from(bytes).toString("hex");
    expect(await it.output(["--secret", "binary"], sh("xxd -p /run/secrets/binary | tr -d '\\n'"))).toBe(wanted);
  });

  test("target, owner and mode", async () => {
    await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: "pass" });
    const at = (text: string) => ["--secret", `db,${text}`];
    expect(await it.output(at("target=sub/name,uid=1000,gid=100,mode=0440"), sh(LOOK("/run/secrets/sub/name")))).toBe(
      "440 1000:100\npass",
    );
    const elsewhere = `${LOOK("/etc/app/key")}; ls -A /run/secrets | wc -l; rm /etc/app/key 2>&1 | grep -o busy; (echo x >> /etc/app/key) 2>&1 | grep -o Read-only`;
    const { stdout } = await it.run(at("target=/etc/app/key,mode=444"), sh(elsewhere));
    expect(stdout).toBe("444 0:0\npass0\nbusy\nRead-only\n");
    // two of them, and where a mount of one's own is
    const both = await it.output(
      [...at("target=a"), ...at("target=/run/b"), "--tmpfs", "/run"],
      sh("cat /run/secrets/a /run/b"),
    );
    expect(both).toBe("passpass");
    const twice = await it.run([...at("mode=400"), "--secret", "db"], ["true"]);
    expect(twice.stderr).toContain("there is another secret at /run/secrets/db");
  });

  test("a link of the image leads the file nowhere outside", async () => {
    await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: "pass" });
    const outside = it.person.folder.join("outside");
    writeFileSync(outside, "mine");
    const { busyboxImage } = await import("../support/busybox-image.ts");
    const image = it.make("links", {
      layers: [
        ...(busyboxImage().layers ?? []),
        {
          content: [
            { path: "run", type: "symlink", target: "var/run", mode: 0o777 },
            { path: "key", type: "symlink", target: outside, mode: 0o777 },
          ],
        },
      ],
    });
    const out = await it.person.ok([
      "run",
      "--rm",
      "--network=none",
      "--secret",
      "db",
      "--secret",
      "db,target=/key",
      image,
      ...sh("cat /var/run/secrets/db /key"),
    ]);
    expect(out).toBe("passpass");
    expect(await Bun.file(outside).text()).toBe("mine");
  });

  test("type=env is a variable of the program", async () => {
    await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: "pass" });
    expect(await it.output(["--secret", "db,type=env"], sh('echo "$db"; ls -d /run/secrets 2>&1 | grep -c such'))).toBe(
      "pass\n1",
    );
    expect(await it.output(["--secret", "db,type=env,target=PASSWORD"], sh('echo "$PASSWORD"'))).toBe("pass");
    await it.person.ok(["secret", "create", "--replace", "binary", "-"], { stdin: bytes });
    expect((await it.run(["--secret", "binary,type=env"], ["true"])).exitCode).toBe(125);
  });

  test("a container that starts again has the value of that day", async () => {
    await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: "first" });
    await it.person.ok([
      "create",
      "--network=none",
      "--name=again",
      "--secret",
      "db",
      it.image,
      "cat",
      "/run/secrets/db",
    ]);
    expect(await it.person.ok(["start", "-a", "again"])).toBe("first");
    await it.person.ok(["secret", "create", "--replace", "db", "-"], { stdin: "second" });
    expect(await it.person.ok(["start", "-a", "again"])).toBe("second");
    await it.person.ok(["secret", "rm", "db"]);
    // nor does one take its place whose id begins with its name
    await it.person.ok(["secret", "create", "other", "-"], { stdin: "another's" });
    const record = `${it.person.storage}/secrets/other/secret.json`;
    const changed = { ...JSON.parse(readFileSync(record, "utf8")), id: "db00112233445566778899aab" };
    writeFileSync(record, JSON.stringify(changed));
    const refused = await it.person.run(["start", "-a", "again"]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain('cannot find secret "db"');
    await it.person.ok(["rm", "again"]);
    await it.person.ok(["secret", "rm", "other"]);
  });
});
