/** What `state`, `list`, `ps` and the files that callers name say. runtime-spec runtime.md, "State" */
import { expect } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { schemaErrors } from "../../support/runtime-schema.ts";
import { box, test } from "./box.ts";

const it = box();

test("state is as the specification has it, with runc's additions", async () => {
  const bundle = it.bundle({
    args: ["sleep", "1000"],
    edit: (config) => {
      config.ociVersion = "1.2.1";
      config.annotations = { "org.example.key": 'a value with "quotes" and ünïcode\u0001', empty: "" };
    },
  });
  const id = it.id();
  const before = Date.now();
  await it.ok(["create", "--bundle", bundle, id]);
  const state = await it.state(id);
  expect(state).toEqual({
    ociVersion: "1.2.1",
    id,
    pid: expect.any(Number),
    status: "created",
    bundle,
    rootfs: `${bundle}/rootfs`,
    created: expect.any(String),
    annotations: { "org.example.key": 'a value with "quotes" and ünïcode\u0001', empty: "" },
    owner: expect.any(String),
  });
  expect(Date.parse(state.created)).toBeWithin(before - 1000, Date.now() + 1);
  expect(schemaErrors("state", state)).toEqual([]);
  expect(readFileSync(`/proc/${state.pid}/status`, "utf8")).toMatch(/^NSpid:.*\t1$/m);
  await it.ok(["start", id]);
  expect(schemaErrors("state", await it.state(id))).toEqual([]);
  expect(await it.ok(["ps", "--format", "json", id])).toContain(String(state.pid));
  const table = await it.ok(["ps", id]);
  expect(table.split("\n")[0]).toMatch(/\bPID\b/);
  expect(table).toContain("sleep 1000");
  await it.ok(["kill", id, "KILL"]);
  await it.becomes(id, "stopped");
  expect(schemaErrors("state", await it.state(id))).toEqual([]);
  await it.ok(["delete", id]);
});

test("a bundle may be the working folder, or relative to it; the state has it absolute", async () => {
  const bundle = it.bundle();
  const [folder, name] = [bundle.slice(0, bundle.lastIndexOf("/")), bundle.slice(bundle.lastIndexOf("/") + 1)];
  for (const [flags, cwd] of [
    [[], bundle],
    [["-b", name], folder],
    [[`--bundle=${name}/`], folder],
  ] as const) {
    const id = it.id();
    await it.ok(["create", ...flags, id], { cwd });
    expect(await it.state(id)).toMatchObject({ bundle, rootfs: `${bundle}/rootfs` });
    await it.ok(["delete", "--force", id]);
  }
});

test("list has a line for each container, in a table, as JSON or only its id", async () => {
  expect(await it.ok(["list", "-q"])).toBe("");
  expect(JSON.parse(await it.ok(["list", "--format", "json"]))).toEqual([]);
  const ids = [await it.create(), await it.started()];
  const states = await Promise.all(ids.map((id) => it.state(id)));
  expect(await it.ok(["list", "--quiet"])).toBe(`${ids.join("\n")}\n`);
  expect(JSON.parse(await it.ok(["list", "-f", "json"]))).toEqual(states);
  const [head = "", ...rows] = (await it.ok(["list"])).trimEnd().split("\n");
  expect(head.split(/\s+/).filter((word) => word !== "")).toEqual([
    "ID",
    "PID",
    "STATUS",
    "BUNDLE",
    "CREATED",
    "OWNER",
  ]);
  expect(rows.map((row) => row.trim().split(/\s+/).slice(0, 5))).toEqual(
    states.map(({ id, pid, status, bundle, created }) => [id, String(pid), status, bundle, created]),
  );
  expect(await it.fails(["list", "--format", "yaml"])).toContain("yaml");
  for (const id of ids) await it.ok(["delete", "--force", id]);
});

test("a folder without a record is no container, and does not keep the others from being listed", async () => {
  const id = await it.create();
  mkdirSync(`${it.root}/half-made`);
  expect(await it.ok(["list", "-q"])).toBe(`${id}\n`);
  expect(await it.fails(["state", "half-made"])).toContain('container "half-made" does not exist');
  expect(await it.fails(["create", "--bundle", it.bundle(), "half-made"])).toContain("already exists");
  await it.ok(["delete", "--force", "half-made"]);
  expect(it.left()).toEqual([id]);
  await it.ok(["delete", "--force", id]);
});

test("--pid-file has the pid that state tells, for create and run", async () => {
  const id = await it.create({}, ["--pid-file", it.path("pid")]);
  expect(it.read("pid")).toBe(String((await it.state(id)).pid));
  await it.ok(["delete", "--force", id]);
  const detached = it.id();
  // what stood there before goes
  writeFileSync(it.path("pid"), "99999999999999");
  const bundle = it.bundle({ args: ["sleep", "1000"] });
  await it.ok(["run", "--detach", "--bundle", bundle, "--pid-file", "../pid", detached]);
  expect(it.read("pid")).toBe(String((await it.state(detached)).pid));
  await it.ok(["delete", "--force", detached]);
});

test("a pid file that cannot be written fails create, and leaves nothing", async () => {
  const id = it.id();
  const message = await it.fails(["create", "--bundle", it.bundle(), "--pid-file", it.path("no/pid"), id]);
  expect(message).toContain(it.path("no/pid"));
  expect(message).toContain("no such file or directory");
  expect(it.left()).toEqual([]);
});

test("the state folder is its owner's alone, and one that cannot be written is named", async () => {
  const id = await it.create();
  const { stdout } = Bun.spawnSync(["stat", "-c", "%a", it.root, `${it.root}/${id}`]);
  expect(stdout.toString()).toBe("700\n700\n");
  await it.ok(["delete", "--force", id]);
  const closed = it.path("closed");
  mkdirSync(closed);
  chmodSync(closed, 0o500);
  const refused = Bun.spawnSync(
    [...it.command([]).slice(0, 2), "--root", `${closed}/state`, "create", "--bundle", it.bundle(), it.id()],
    { env: it.person.env },
  );
  expect([refused.exitCode, refused.stderr.toString()]).toEqual([1, expect.stringContaining(`${closed}/state`)]);
});
