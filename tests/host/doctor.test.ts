import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { render } from "../../src/cli/doctor.ts";
import { storageFolder } from "../../src/cli/doctor-findings.ts";
import { native, requires, userNamespaces } from "../support/skip.ts";
import { temporaryFolder } from "../support/tmp.ts";

const ROOT = `${import.meta.dir}/../..`;
const FINDINGS = [
  { name: "kernel", state: "ok", detail: "Linux 6.1" },
  { name: "cgroups", state: "less", detail: "none", instead: "no limits", remedy: "log in" },
] as const;

describe("doctor", () => {
  test("what is used instead and the remedy stand aligned below the finding", () => {
    expect(render(FINDINGS, false)).toBe(
      [
        "✓ kernel              Linux 6.1",
        "! cgroups             none",
        "                      instead: no limits",
        "                      remedy: log in",
        "",
        "Containers can run on this host.",
        "",
      ].join("\n"),
    );
  });
  test("what keeps containers from running is named at the end", () => {
    const failed = { name: "user namespaces", state: "no", detail: "off", remedy: "x" } as const;
    expect(render([...FINDINGS, failed], false)).toEndWith("Containers cannot run on this host: user namespaces.\n");
  });
  test("colours are used when asked for only", () => {
    expect(render(FINDINGS, true)).toContain("\x1b[32m✓\x1b[0m");
    expect(render(FINDINGS, false)).not.toContain("\x1b");
  });
  test("the storage folder follows the base directory specification", () => {
    expect(storageFolder({ HOME: "/h" })).toBe("/h/.local/share/tsbox");
    expect(storageFolder({ HOME: "/h", XDG_DATA_HOME: "/d" })).toBe("/d/tsbox");
  });
});

const run = (home: string, ...args: string[]) =>
  Bun.spawnSync(
    [
      process.execPath,
      "-e",
      `import { doctor } from "${ROOT}/src/cli/doctor.ts"; process.exit(await doctor(${JSON.stringify(args)}))`,
    ],
    { env: { HOME: home, PATH: process.env.PATH ?? "" } },
  );

requires(native, userNamespaces)("doctor says that containers can run here, in words and in JSON", () => {
  using folder = temporaryFolder();
  const words = run(folder.path);
  expect(words.stderr.toString()).toBe("");
  expect(words.stdout.toString()).toContain("\nContainers can run on this host.\n");
  expect(words.exitCode).toBe(0);
  const json = JSON.parse(run(folder.path, "--json").stdout.toString());
  expect(json.canRun).toBe(true);
  const names = json.findings.map((finding: { name: string }) => finding.name);
  expect(names).toEqual(
    expect.arrayContaining(["kernel", "user namespaces", "ids", "storage", "overlay", "pasta", "cgroups"]),
  );
  expect(readdirSync(`${folder.path}/.local/share/tsbox/tmp`)).toEqual([]);
});

// a user namespace inside one whose limit is 0 is the same as one on a host that switched them off
requires(native, userNamespaces)("doctor exits 1 and names the sysctl where user namespaces are switched off", () => {
  using folder = temporaryFolder();
  const script = `echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"`;
  const code = `import { doctor } from "${ROOT}/src/cli/doctor.ts"; process.exit(await doctor(["--json"]))`;
  const { stdout, exitCode } = Bun.spawnSync(
    ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", script, "sh", process.execPath, "-e", code],
    { env: { HOME: folder.path, PATH: process.env.PATH ?? "" } },
  );
  expect(exitCode).toBe(1);
  const finding = JSON.parse(stdout.toString()).findings.find(
    ({ name }: { name: string }) => name === "user namespaces",
  );
  expect(finding).toMatchObject({ state: "no" });
  expect(finding.remedy).toContain("user.max_user_namespaces=15000");
});
