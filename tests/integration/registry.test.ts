/** Images from a real registry (docker-registry) to running containers. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { dockerRegistry, type Registry, startRegistry } from "../support/registry.ts";
import { executable, program, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { Person } from "../support/tsbox.ts";

const test = requires(executable, busybox, userNamespaces, subordinateIds, dockerRegistry, program("skopeo"));

let person: Person;
let layout = "";
let plain: Registry;

beforeAll(async () => {
  person = new Person();
  layout = writeBusyboxLayout(person.folder.join("busybox"));
  if (dockerRegistry.met()) plain = await startRegistry();
});
afterAll(async () => {
  await plain?.[Symbol.asyncDispose]();
  person[Symbol.dispose]();
});

/** Puts the busybox image into a registry under a name. */
const push = (registry: Registry, name: string) => registry.push(layout, name);

const run = (image: string, ...flags: string[]) =>
  person.run(["run", "--rm", "--network=none", ...flags, image, "echo", "ran"]);

describe("a plain registry on loopback", () => {
  test("run fetches what is missing, and only once", async () => {
    const image = push(plain, "once:1");
    const first = await run(image);
    expect(first.stdout).toBe("ran\n");
    expect(first.stderr).toContain("pulling");
    expect((await run(image)).stderr).toBe("");
    expect(await person.ok(["images", "--format", "{{.Repository}}:{{.Tag}}"])).toContain(image);
  });

  test("skopeo reads the store as it is", async () => {
    const image = push(plain, "inspect:1");
    await person.ok(["pull", "-q", image]);
    const inspected = Bun.spawnSync(["skopeo", "inspect", `oci:${person.storage}:${image}`]);
    expect(inspected.stderr.toString()).toBe("");
    expect(JSON.parse(inspected.stdout.toString()).Os).toBe("linux");
  });

  test("an unknown tag and an unknown repository are named", async () => {
    push(plain, "tagged:1");
    for (const name of [`${plain.host}/tagged:2`, `${plain.host}/no/such/thing:1`]) {
      const { exitCode, stderr } = await run(name);
      expect(exitCode).toBe(125);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(stderr).toMatch(/^tsbox: cannot .*(tagged|no\/such\/thing)/);
    }
  });

  test("--pull=never fetches nothing, and says so", async () => {
    const image = push(plain, "never:1");
    const { exitCode, stderr } = await run(image, "--pull=never");
    expect(exitCode).toBe(125);
    expect(stderr).toContain("--pull=never");
  });

  test("--pull=always asks again, and what is the same is not fetched twice", async () => {
    const image = push(plain, "always:1");
    await run(image);
    const again = await run(image, "--pull=always");
    expect(again.stdout).toBe("ran\n");
  });

  test("a platform that the image is not for is named, with those that there are", async () => {
    const image = push(plain, "platform:1");
    const { exitCode, stderr } = await run(image, "--platform=linux/s390x");
    expect(exitCode).toBe(125);
    expect(stderr).toMatch(/not for linux\/s390x; it is for linux\/(amd64|arm64)/);
  });

  test("rmi removes the image, its blobs and its trees", async () => {
    const alone = new Person();
    try {
      const image = push(plain, "gone:1");
      await alone.ok(["pull", "-q", image]);
      expect(await alone.ok(["rmi", image])).toContain("Untagged");
      expect(await alone.ok(["images", "-q"])).toBe("");
      expect(readdirSync(`${alone.storage}/blobs/sha256`)).toEqual([]);
      const layers = `${alone.storage}/layers`;
      const trees = existsSync(layers)
        ? readdirSync(layers).flatMap((mapping) => readdirSync(`${layers}/${mapping}`))
        : [];
      expect(trees).toEqual([]);
    } finally {
      alone[Symbol.dispose]();
    }
  });
});

test("a registry that is down is one sentence", async () => {
  const { exitCode, stderr } = await run("localhost:1/nothing:1");
  expect(exitCode).toBe(125);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toContain("localhost:1");
});

test("a registry with TLS is trusted by its certificate, and not without", async () => {
  await using registry = await startRegistry({ tls: true });
  const image = push(registry, "secure:1");
  const refused = await run(image);
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toMatch(/certificate/);
  expect((await run(image, "--tls-verify=false")).stdout).toBe("ran\n");
  const certificates = person.folder.join("certificates");
  mkdirSync(certificates);
  copyFileSync(registry.ca ?? "", `${certificates}/ca.crt`);
  expect((await run(image, `--cert-dir=${certificates}`, "--pull=always")).stdout).toBe("ran\n");
});

test("a registry with a login takes the right password and names the wrong one", async () => {
  await using registry = await startRegistry({ login: { username: "ann", password: "right" } });
  const image = push(registry, "private:1");
  const authFile = person.folder.join("auth.json");
  const login = (password: string) =>
    writeFileSync(authFile, JSON.stringify({ auths: { [registry.host]: { auth: btoa(`ann:${password}`) } } }));
  login("wrong");
  const refused = await run(image, `--authfile=${authFile}`);
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toMatch(/password|credentials|login/);
  expect(refused.stderr).not.toContain("wrong:");
  login("right");
  expect((await run(image, `--authfile=${authFile}`)).stdout).toBe("ran\n");
});
