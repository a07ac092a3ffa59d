import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { credentialKeys, findCredentials } from "../../src/registry/credentials.ts";
import { temporaryFolder } from "../support/tmp.ts";

const auth = (user: string, password = "secret") => ({ auth: btoa(`${user}:${password}`) });
const password = (username: string, value = "secret") => ({ kind: "password" as const, username, password: value });

function home() {
  const folder = temporaryFolder();
  const env: Record<string, string> = {
    HOME: folder.path,
    XDG_RUNTIME_DIR: folder.join("run"),
    PATH: `${folder.join("bin")}:/usr/bin:/bin`,
  };
  const write = (path: string, content: unknown) => {
    const file = folder.join(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  };
  return {
    env,
    write,
    helper(name: string, script: string) {
      chmodSync(write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`), 0o755);
    },
    find: (registry: string, repository: string, options: { authFile?: string; timeout?: number } = {}) =>
      findCredentials({ registry, repository }, { env, ...options }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

test("names are tried from the longest down, by whole components", () => {
  expect(credentialKeys("quay.io:8443", "a/b/c")).toEqual([
    "quay.io:8443/a/b/c",
    "quay.io:8443/a/b",
    "quay.io:8443/a",
    "quay.io:8443",
  ]);
});

test("the longest matching prefix of a repository wins", async () => {
  using at = home();
  const auths = { "quay.io": auth("host"), "quay.io/team": auth("team"), "quay.io/team/app": auth("app") };
  at.write(".config/containers/auth.json", { auths });
  expect(await at.find("quay.io", "team/app")).toEqual(password("app"));
  expect(await at.find("quay.io", "team/other")).toEqual(password("team"));
  expect(await at.find("quay.io", "teams/app")).toEqual(password("host"));
  expect(await at.find("quay.io:8443", "team/app")).toBeUndefined();
  expect(await at.find("evil.example", "quay.io/team/app")).toBeUndefined();
});

test("Docker Hub is found under docker.io and under its old key", async () => {
  using at = home();
  at.write(".docker/config.json", { auths: { "https://index.docker.io/v1/": auth("old") } });
  expect(await at.find("docker.io", "library/alpine")).toEqual(password("old"));
  at.write(".docker/config.json", { auths: { "https://index.docker.io/v1/": auth("old"), "docker.io": auth("new") } });
  expect(await at.find("docker.io", "library/alpine")).toEqual(password("new"));
});

test("old keys that are URLs stand for their host", async () => {
  using at = home();
  at.write(".docker/config.json", { auths: { "https://quay.io/v1/": auth("url"), "http://a.example/x": auth("no") } });
  expect(await at.find("quay.io", "x")).toEqual(password("url"));
  expect(await at.find("a.example", "x")).toBeUndefined();
});

test("files are read in the order of containers-auth.json(5), and a named file alone", async () => {
  using at = home();
  at.write(".docker/config.json", { auths: { "a.example": auth("docker"), "b.example": auth("docker") } });
  expect(await at.find("a.example", "x")).toEqual(password("docker"));
  at.write(".config/containers/auth.json", { auths: { "a.example": auth("config") } });
  expect(await at.find("a.example", "x")).toEqual(password("config"));
  at.write("run/containers/auth.json", { auths: { "a.example": auth("runtime") } });
  expect(await at.find("a.example", "x")).toEqual(password("runtime"));
  expect(await at.find("b.example", "x")).toEqual(password("docker"));
  at.env.REGISTRY_AUTH_FILE = at.write("named.json", { auths: { "a.example": auth("named") } });
  expect(await at.find("a.example", "x")).toEqual(password("named"));
  expect(await at.find("b.example", "x")).toBeUndefined();
  const authFile = at.write("flag.json", { auths: { "b.example": auth("flag") } });
  expect(await at.find("b.example", "x", { authFile })).toEqual(password("flag"));
});

test("DOCKER_CONFIG and XDG_CONFIG_HOME move the files", async () => {
  using at = home();
  at.env.DOCKER_CONFIG = dirname(at.write("elsewhere/config.json", { auths: { "a.example": auth("docker") } }));
  expect(await at.find("a.example", "x")).toEqual(password("docker"));
  at.env.XDG_CONFIG_HOME = dirname(
    dirname(at.write("xdg/containers/auth.json", { auths: { "a.example": auth("x") } })),
  );
  expect(await at.find("a.example", "x")).toEqual(password("x"));
});

test("a file that was named must be there; others need not", async () => {
  using at = home();
  expect(await at.find("a.example", "x")).toBeUndefined();
  const authFile = `${at.env.HOME}/missing.json`;
  const error = await at.find("a.example", "x", { authFile }).catch((e) => e);
  expect(error).toMatchObject({
    code: "not-found",
    message: `cannot read credentials: ${authFile}: no such file or directory`,
  });
});

test.each([
  ["{", "it is not JSON"],
  ['{"auths": [1]}', "auths.0 is not an object"],
  ['{"auths": {"a.example": {"auth": 1}}}', "auth is not a text"],
  [`{"auths": {"a.example": {"auth": "${btoa("nocolon")}"}}}`, "auth of a.example is not base64 of user:password"],
  ['{"credsStore": {}}', "credsStore is not a text"],
])("the broken file %p is an error that says why", async (content, reason) => {
  using at = home();
  at.write(".docker/config.json", content);
  const error = await at.find("a.example", "x").catch((e) => e);
  expect(error.code).toBe("invalid");
  expect(error.message).toContain(reason);
});

test("an error about a broken file does not quote it", async () => {
  using at = home();
  at.write(".docker/config.json", '{"auths": {"a.example": {"auth": SECRET}}}');
  const error = await at.find("a.example", "x").catch((e) => e);
  expect(Bun.inspect(error, { depth: 5 })).not.toContain("SECRET");
});

test.each([
  [{ auth: btoa("u:p:with:colons") }, password("u", "p:with:colons")],
  [{ auth: btoa("u:p\0\0") }, password("u", "p")],
  [{ auth: Buffer.from("u:пароль").toString("base64") }, password("u", "пароль")],
  [{ username: "u", password: "p" }, password("u", "p")],
  [
    { auth: btoa("u:p"), identitytoken: "id" },
    { kind: "identity" as const, token: "id" },
  ],
  [{ registrytoken: "rt" }, { kind: "bearer" as const, token: "rt" }],
  [{}, undefined],
])("the entry %p gives %p", async (entry, expected) => {
  using at = home();
  at.write(".docker/config.json", { auths: { "a.example": entry } });
  expect(await at.find("a.example", "x")).toEqual(expected as never);
});

test("an empty entry, or an empty file, does not hide the files after it", async () => {
  using at = home();
  at.write("run/containers/auth.json", { auths: { "a.example": {} } });
  at.write(".config/containers/auth.json", "");
  at.write(".docker/config.json", { auths: { "a.example": auth("docker") } });
  expect(await at.find("a.example", "x")).toEqual(password("docker"));
});

const ANSWERS = `read server; [ "$1" = get ] || exit 3
case "$server" in
  a.example) echo '{"ServerURL":"a.example","Username":"helped","Secret":"s"}' ;;
  https://index.docker.io/v1/) echo '{"Username":"<token>","Secret":"identity"}' ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac`;

test("credsStore asks the helper on its standard input", async () => {
  using at = home();
  at.helper("fake", ANSWERS);
  at.write(".docker/config.json", { auths: { "a.example": {}, "b.example": auth("kept") }, credsStore: "fake" });
  expect(await at.find("a.example", "x")).toEqual(password("helped", "s"));
  expect(await at.find("docker.io", "library/x")).toEqual({ kind: "identity", token: "identity" });
  expect(await at.find("b.example", "x")).toEqual(password("kept"));
  expect(await at.find("c.example", "x")).toBeUndefined();
});

test("credHelpers go before the entries of the same file", async () => {
  using at = home();
  at.helper("fake", ANSWERS);
  at.write(".docker/config.json", {
    auths: { "a.example": auth("file"), "b.example": auth("file") },
    credHelpers: { "a.example": "fake", "b.example": "fake" },
  });
  expect(await at.find("a.example", "x")).toEqual(password("helped", "s"));
  // the helper knows nothing, the file does
  expect(await at.find("b.example", "x")).toEqual(password("file"));
});

test.each(["../evil", "a b", "x;touch /tmp/pwned", "", "a/b"])(
  "the helper name %p never becomes a program",
  async (name) => {
    using at = home();
    at.write(".docker/config.json", { credHelpers: { "a.example": name }, credsStore: name });
    const error = await at.find("a.example", "x").catch((e) => e);
    if (name === "") expect(error).toBeUndefined();
    else expect(error.message).toBe(`cannot use credential helper ${JSON.stringify(name)}: it is not a helper's name`);
  },
);

test.each([
  ["echo 'the keychain is locked'; exit 1", "the keychain is locked"],
  ["printf '\\033[2Jgone\\n' >&2; exit 2", " [2Jgone"],
  ["exit 7", "it exited with 7"],
  ["echo not json", "what it wrote is not JSON"],
  ["echo '{\"Username\": 1}'", "what it wrote has no Username and Secret"],
  ["head -c 100000 /dev/zero", "it wrote more than 65536 bytes"],
  ["exec sleep 30", "it did not answer within 0.5 s"],
  // a grandchild that outlives the helper keeps the pipe open
  ["sleep 30 & exit 0", "it did not answer within 0.5 s"],
])("a helper that does %p is an error", async (script, reason) => {
  using at = home();
  at.helper("bad", script);
  at.write(".docker/config.json", { credsStore: "bad" });
  const begin = performance.now();
  const timeout = script.includes("sleep") ? 500 : 30_000;
  const error = await at.find("a.example", "x", { timeout }).catch((e) => e);
  expect(error).toMatchObject({ code: "auth" });
  expect(error.message).toStartWith("cannot get credentials for a.example from docker-credential-bad: ");
  expect(error.message).toContain(reason.trim());
  expect(performance.now() - begin).toBeLessThan(20_000);
});

test("a helper that is missing is named", async () => {
  using at = home();
  at.write(".docker/config.json", { credsStore: "nowhere" });
  const error = await at.find("a.example", "x").catch((e) => e);
  expect(error.message).toBe(
    "cannot get credentials for a.example from docker-credential-nowhere: there is no such program in the PATH",
  );
});
