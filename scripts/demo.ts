/**
 * The demonstration, `npm run demo`: builds tsbox, makes an image without any registry, and runs it as a person who is not
 * root, showing what the container sees beside what the host sees. Root, who has none of the limits that tsbox is about,
 * lends it the user `tsbox-ci` (see test-user.ts).
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { build } from "./build.ts";
import { ROOT } from "./build-native.ts";
import { hostTarget } from "./bun-runtime.ts";
import { writeDemoImage } from "./demo-image.ts";
import { asUser, makeTestUser, openDevices } from "./test-user.ts";

/** One thing to see: a sentence, and what is typed in the container to see it. */
const SIGHTS: readonly (readonly [sentence: string, script: string])[] = [
  ["Its first program is process 1, and it sees no other", 'echo "I am process $$"; ps'],
  ["It has a host name of its own", "hostname"],
  ["It is root, but only in here: id 0 inside is the caller outside", "id; cat /proc/self/uid_map"],
  ["It has the image's files, and none of the host's", "ls /; echo $(wc -l < /proc/self/mounts) mounts"],
  [
    "It has lost every right to harm: no new privileges, a seccomp filter, few capabilities",
    'grep -E "NoNewPrivs|Seccomp:|CapEff" /proc/self/status',
  ],
  ["The kernel's settings are out of its reach", "echo x > /proc/sys/kernel/hostname"],
];

const title = (text: string) => console.log(isatty(1) ? `\n\x1b[1m${text}\x1b[0m` : `\n# ${text}`);

const outfile = join(ROOT, "dist/tsbox");
title("Building dist/tsbox");
await build({ target: hostTarget(), outfile, entry: join(ROOT, "src/main.ts") });

// Everything the person needs stands in a folder that they can reach; the clone may be under /root.
const folder = mkdtempSync(join(tmpdir(), "tsbox-demo-"));
try {
  const tsbox = join(folder, "tsbox");
  cpSync(outfile, tsbox);
  title("Making an image, an OCI layout of one layer, from this machine's busybox");
  const image = writeDemoImage(join(folder, "image"));
  Bun.spawnSync(["chmod", "-R", "go+rX", folder]);

  const asRoot = process.getuid?.() === 0;
  if (asRoot) openDevices();
  const user = asRoot ? makeTestUser("tsbox-ci") : undefined;
  const run = async (args: readonly string[]) => {
    const command = [tsbox, ...args];
    const options = { cwd: folder, stdin: "ignore", stdout: "inherit", stderr: "inherit" } as const;
    return await Bun.spawn(user === undefined ? command : asUser(user, command, {}), options).exited;
  };

  title(`Running it as ${user?.name ?? userInfo().username} on ${hostname()}: tsbox run --rm ${image}`);
  const first = await run(["run", "--rm", image]);
  for (const [sentence, script] of SIGHTS) {
    title(sentence);
    console.log(`$ tsbox run --rm ${image} sh -c '${script}'`);
    await run(["run", "--rm", image, "sh", "-c", script]);
  }
  title("Its exit status is the program's");
  const status = await run(["run", "--rm", image, "sh", "-c", "exit 42"]);
  console.log(`$ tsbox run --rm ${image} sh -c 'exit 42'; echo $?\n${status}`);
  if (first !== 0 || status !== 42) throw new Error("the demonstration failed: see above");
  title("Yours to try: dist/tsbox run -it --rm alpine");
} finally {
  rmSync(folder, { recursive: true });
}
