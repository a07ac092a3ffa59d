/** What `scripts/build.ts` promises about the file it makes. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import pkg from "../package.json";
import { ROOT } from "../scripts/build-native.ts";
import { executable, program, type Requirement, requires } from "./support/skip.ts";
import { Person } from "./support/tsbox.ts";

const test = requires(executable);

/** A folder whose files would run code in, or change the settings of, any program of Bun's that reads them. */
function hostileFolder(person: Person): string {
  const folder = person.folder.join("hostile");
  mkdirSync(folder);
  const write = (name: string, text: string) => writeFileSync(`${folder}/${name}`, text);
  write("preload.ts", 'console.log("taken over")');
  write("bunfig.toml", 'preload = ["./preload.ts"]\n[run]\npreload = ["./preload.ts"]\n');
  write(".env", `XDG_DATA_HOME=${folder}/elsewhere\nHOME=${folder}/elsewhere\n`);
  write("package.json", '{"type": "commonjs", "scripts": {"doctor": "echo taken over"}}');
  write("tsconfig.json", '{"compilerOptions": {"paths": {"*": ["./preload.ts"]}}}');
  return folder;
}

test("the folder it is started in cannot change what it does: .env, bunfig.toml, package.json, tsconfig.json", async () => {
  using person = new Person();
  const cwd = hostileFolder(person);
  expect(await person.ok(["--version"], { cwd })).toStartWith(`tsbox version ${pkg.version}\n`);
  const { stdout, stderr } = await person.run(["doctor", "--json"], { cwd });
  expect(stdout).toContain(person.home);
  expect(stdout + stderr).not.toMatch(/taken over|elsewhere/);
});

for (const [name, value] of [
  ["BUN_BE_BUN", "1"],
  ["BUN_OPTIONS", "--preload ./preload.ts"],
  ["BUN_INSPECT_PRELOAD", "./preload.ts"],
  ["NODE_OPTIONS", "--require ./preload.ts"],
] as const) {
  test(`${name} in the environment does not make it another program`, async () => {
    using person = new Person();
    const options = { cwd: hostileFolder(person), env: { [name]: value } };
    expect(await person.ok(["--version"], options)).toStartWith(`tsbox version ${pkg.version}\n`);
  });
}

const arm64 = `${ROOT}/dist/tsbox-linux-arm64`;
const built: Requirement = {
  what: "dist/tsbox-linux-arm64 (bun run build --target linux-arm64)",
  inCI: true,
  met: () => existsSync(arm64),
};

requires(built, program("qemu-aarch64-static"))("the arm64 executable starts", () => {
  const command = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", arm64, "--version"];
  const { stdout, stderr, exitCode } = Bun.spawnSync(command);
  expect({ exitCode, stdout: stdout.toString(), stderr: stderr.toString() }).toEqual({
    exitCode: 0,
    stdout: expect.stringContaining(`tsbox version ${pkg.version}\n`),
    stderr: "",
  });
});
