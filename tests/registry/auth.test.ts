/** Logging in: basic, bearer tokens, identity tokens; what is sent to whom, how often, and what failures are called. */
import { expect, test } from "bun:test";
import { temporaryFolder } from "../support/tmp.ts";
import { type FakeRegistry, fakeRegistry, smallImage } from "./support/fake-registry.ts";
import { collect, descriptor, failure, QUICK, source } from "./support/source.ts";

const LOGIN = { username: "ann", password: "correct horse" };
const BASIC = `Basic ${btoa("ann:correct horse")}`;

function wantsBasic(registry: FakeRegistry) {
  registry.on((_, { authorization }) =>
    authorization === BASIC
      ? undefined
      : Response.json(
          { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] },
          { status: 401, headers: { "www-authenticate": 'Basic realm="here"' } },
        ),
  );
}

/** Lets requests in that have a token of `issued`, and issues one for what `mayHave` says. */
function wantsBearer(
  registry: FakeRegistry,
  { anonymous = true, expires = 300 }: { anonymous?: boolean; expires?: number } = {},
) {
  const issued = new Set<string>();
  registry.on((_, seen) => {
    if (seen.path === "/token") {
      const form = new URLSearchParams(seen.body);
      const known = seen.authorization === BASIC || form.get("refresh_token") === "identity";
      if ((!anonymous && !known) || (seen.authorization !== null && !known)) {
        return Response.json({ details: "incorrect username or password" }, { status: 401 });
      }
      const token = `token-${issued.size + 1}`;
      issued.add(token);
      return Response.json(
        seen.method === "POST" ? { access_token: token, expires_in: expires } : { token, expires_in: expires },
      );
    }
    if (issued.has(seen.authorization?.replace("Bearer ", "") ?? "")) return undefined;
    const challenge = `Bearer realm="${registry.url}/token",service="the service",scope="repository:some/app:pull"`;
    return Response.json({ errors: [] }, { status: 401, headers: { "www-authenticate": challenge } });
  });
  return { issued, revoke: () => issued.clear() };
}

test("basic: the password goes to the registry that asks for it", async () => {
  using registry = fakeRegistry();
  const { layer } = smallImage(registry);
  wantsBasic(registry);
  const from = source(`${registry.host}/some/app:1`, { credentials: LOGIN });
  await from.resolve();
  expect(Buffer.from(await collect(await from.open(descriptor(layer), 0))).toString()).toBe("a layer");
  // the password is not offered before it was asked for
  expect(registry.requests[0]?.authorization).toBeNull();
});

test("basic: credentials come from the user's file", async () => {
  using registry = fakeRegistry();
  using folder = temporaryFolder();
  smallImage(registry);
  wantsBasic(registry);
  const authFile = folder.join("auth.json");
  await Bun.write(
    authFile,
    JSON.stringify({ auths: { [`${registry.host}/some`]: { auth: btoa("ann:correct horse") } } }),
  );
  await source(`${registry.host}/some/app:1`, { authFile }).resolve();
  await source(`${registry.host}/some/app:1`, { env: { ...QUICK.env, REGISTRY_AUTH_FILE: authFile } }).resolve();
});

test("basic: a wrong password is called that, and tried once", async () => {
  using registry = fakeRegistry();
  wantsBasic(registry);
  const error = await failure(
    source(`${registry.host}/some/app:1`, { credentials: { username: "ann", password: "wr0ng" } }).resolve(),
  );
  expect(error).toMatchObject({ code: "auth", message: expect.stringMatching(/password/) });
  expect(Bun.inspect(error, { depth: 9 })).not.toMatch(/wr0ng|YW5uOndyMG5n/);
  expect(registry.requests.filter(({ authorization }) => authorization !== null)).toHaveLength(1);
});

test("without credentials a refusal says that a login may be what is missing", async () => {
  using registry = fakeRegistry();
  wantsBasic(registry);
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error).toMatchObject({ code: "auth", message: expect.stringMatching(/login/) });
});

test("bearer: an anonymous token is fetched once and used for everything", async () => {
  using registry = fakeRegistry();
  const { config, layer } = smallImage(registry);
  wantsBearer(registry);
  const from = source(`${registry.host}/some/app:1`);
  await from.resolve();
  await Promise.all([from.fetch(descriptor(config)), from.open(descriptor(layer), 0).then(collect)]);
  const [asked, ...more] = registry.seen(/^\/token$/);
  expect(more).toEqual([]);
  const query = new URLSearchParams(asked?.query);
  expect(query.get("service")).toBe("the service");
  expect(query.get("scope")).toBe("repository:some/app:pull");
  expect(asked?.authorization).toBeNull();
});

test("bearer: the password goes to the token server and never to the registry", async () => {
  using registry = fakeRegistry();
  smallImage(registry);
  wantsBearer(registry, { anonymous: false });
  await source(`${registry.host}/some/app:1`, { credentials: LOGIN }).resolve();
  expect(registry.seen(/^\/token$/).map(({ authorization }) => authorization)).toEqual([BASIC]);
  expect(registry.seen(/manifests/).map(({ authorization }) => authorization)).not.toContain(BASIC);
});

test("bearer: a token that has run out is fetched anew, once", async () => {
  using registry = fakeRegistry();
  const { config } = smallImage(registry);
  const tokens = wantsBearer(registry);
  const from = source(`${registry.host}/some/app:1`);
  await from.resolve();
  tokens.revoke();
  await from.fetch(descriptor(config));
  expect(registry.seen(/^\/token$/)).toHaveLength(2);
});

test("bearer: a registry that refuses every token ends the pull", async () => {
  using registry = fakeRegistry();
  const tokens = wantsBearer(registry);
  registry.on((_, seen) => {
    if (seen.path !== "/token") tokens.revoke();
    return undefined;
  });
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error).toMatchObject({ code: "auth" });
  expect(registry.seen(/^\/token$/).length).toBeLessThanOrEqual(2);
});

test("bearer: a wrong password is called that", async () => {
  using registry = fakeRegistry();
  wantsBearer(registry);
  const error = await failure(
    source(`${registry.host}/some/app:1`, { credentials: { username: "ann", password: "wr0ng" } }).resolve(),
  );
  expect(error).toMatchObject({ code: "auth", message: expect.stringMatching(/password/) });
  expect(Bun.inspect(error, { depth: 9 })).not.toMatch(/wr0ng|YW5uOndyMG5n/);
});

test("bearer: an identity token is exchanged by POST, in the body", async () => {
  using registry = fakeRegistry();
  using folder = temporaryFolder();
  smallImage(registry);
  wantsBearer(registry, { anonymous: false });
  const authFile = folder.join("auth.json");
  await Bun.write(authFile, JSON.stringify({ auths: { [registry.host]: { identitytoken: "identity" } } }));
  await source(`${registry.host}/some/app:1`, { authFile }).resolve();
  const [asked] = registry.seen(/^\/token$/);
  expect(asked?.method).toBe("POST");
  const form = Object.fromEntries(new URLSearchParams(asked?.body));
  expect(form).toMatchObject({
    grant_type: "refresh_token",
    refresh_token: "identity",
    service: "the service",
    scope: "repository:some/app:pull",
  });
  expect(form.client_id).toBeTruthy();
  expect(asked?.query).toBe("");
});

test("bearer: a registry token of the file is used as it is", async () => {
  using registry = fakeRegistry();
  using folder = temporaryFolder();
  smallImage(registry);
  const tokens = wantsBearer(registry);
  tokens.issued.add("given");
  const authFile = folder.join("auth.json");
  await Bun.write(authFile, JSON.stringify({ auths: { [registry.host]: { registrytoken: "given" } } }));
  await source(`${registry.host}/some/app:1`, { authFile }).resolve();
  expect(registry.seen(/^\/token$/)).toEqual([]);
});

test.each([
  ["a token with a line feed", () => Response.json({ token: "a\r\nX-Evil: 1" })],
  ["no token", () => Response.json({})],
  ["no JSON", () => new Response("<html>")],
  ["a number", () => Response.json({ token: 1 })],
])("bearer: a token server that answers with %s is an error of one sentence", async (_, answer) => {
  using registry = fakeRegistry();
  wantsBearer(registry);
  registry.on((_request, { path }) => (path === "/token" ? answer() : undefined));
  const error = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(error).toMatchObject({ name: "TsboxError" });
  expect(error.message).toContain("token");
});

test("bearer: a realm that is no URL, or plain HTTP of another host, gets no password", async () => {
  using registry = fakeRegistry();
  for (const realm of ["token", "file:///etc/passwd", "http://tokens.example.invalid/token"]) {
    registry.on(() =>
      Response.json({}, { status: 401, headers: { "www-authenticate": `Bearer realm="${realm}",service="s"` } }),
    );
    const error = await failure(source(`${registry.host}/some/app:1`, { credentials: LOGIN }).resolve());
    expect(error).toMatchObject({ name: "TsboxError" });
    expect(error.message).not.toMatch(/no host of this name/);
  }
});

test("a challenge of no known scheme is named", async () => {
  using registry = fakeRegistry();
  registry.on(() => new Response(null, { status: 401, headers: { "www-authenticate": "Negotiate" } }));
  const error = await failure(source(`${registry.host}/some/app:1`, { credentials: LOGIN }).resolve());
  expect(error).toMatchObject({ name: "TsboxError", message: expect.stringMatching(/negotiate/i) });
});

test("a 403 of the registry is about the login, whether there is one or not", async () => {
  using registry = fakeRegistry();
  wantsBearer(registry);
  registry.on((_, { path, authorization }) =>
    path.includes("manifests") && authorization?.startsWith("Bearer ")
      ? Response.json({ errors: [{ code: "DENIED", message: "requested access is denied" }] }, { status: 403 })
      : undefined,
  );
  const anonymous = await failure(source(`${registry.host}/some/app:1`).resolve());
  expect(anonymous.code).toBe("auth");
  expect(anonymous.message).toMatch(/does not exist, or wants a login.*requested access is denied/);
  const known = await failure(source(`${registry.host}/some/app:1`, { credentials: LOGIN }).resolve());
  expect(known.code).toBe("auth");
  expect(known.message).toMatch(/the login does not allow this/);
});
