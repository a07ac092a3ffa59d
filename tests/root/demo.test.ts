/** What a new user types first. Root may: the demonstration makes itself a user. */
import { expect } from "bun:test";
import { ROOT } from "../../scripts/build-native.ts";
import { program, requires, root } from "../support/skip.ts";

requires(root, program("npm"))(
  "npm run demo builds tsbox, makes an image and runs it isolated",
  () => {
    const { stdout, stderr, exitCode } = Bun.spawnSync(["npm", "run", "demo"], { cwd: ROOT, stdin: "ignore" });
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
    const shown = stdout.toString();
    expect(shown).toContain("hello from a container");
    expect(shown).toContain("I am process 1\n");
    expect(shown).toMatch(/uid=0\(root\) gid=0\(root\)/);
    expect(shown).toMatch(/^\s+0\s+[1-9]\d*\s+1$/m);
    expect(shown).toMatch(/NoNewPrivs:\s+1\nSeccomp:\s+2/);
  },
  300_000,
);
