/**
 * Attacks on what tsbox itself reads and writes in volumes, and at places that flags name: links of an image or of a container lead to a
 * folder of whoever runs the tests, so that only tsbox stands between.
 */
import { afterAll, afterEach, beforeAll, describe, expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Host, until } from "../integration/detached/host.ts";
import { busybox, busyboxTree, writeBusyboxLayout } from "../support/busybox-image.ts";
import { executable, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { type TarEntry, writeTar } from "../support/tar.ts";

const test = requires(executable, busybox, userNamespaces, subordinateIds);

let host: Host;
/** A folder of the host whose path images and containers know. */
let outside = "";

beforeAll(() => {
  host = new Host();
  outside = host.folder.join("outside");
  mkdirSync(outside, { mode: 0o777 });
  writeFileSync(`${outside}/secret`, "of the host");
});
afterAll(() => host[Symbol.dispose]());

afterEach(() => {
  expect(readdirSync(outside)).toEqual(["secret"]);
  expect(readFileSync(`${outside}/secret`, "utf8")).toBe("of the host");
});

const links = (): TarEntry[] => [
  { path: "absolute", type: "symlink", target: outside },
  { path: "climbing", type: "symlink", target: `../../../../../../..${outside}` },
  { path: "proc-root", type: "symlink", target: `/proc/self/root${outside}` },
  { path: "around/", type: "directory" },
  { path: "around/inner", type: "symlink", target: outside },
];

/** An image with links to the host's folder, and with these VOLUMEs. */
function evil(...volumes: string[]): string {
  return writeBusyboxLayout(host.folder.join(`evil-${volumes.join("-").replaceAll("/", "_") || "plain"}`), {
    layers: [{ content: busyboxTree() }, { content: links() }],
    config: { Cmd: ["sh"], Env: ["PATH=/bin"], Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) },
  });
}

const run = (image: string, flags: readonly string[], ...command: string[]) =>
  host.run(["run", "--rm", "--network=none", "-q", ...flags, image, ...command]);

describe("CVE-2022-23648: what a new volume is filled with is the image's, never the host's", () => {
  const WAYS = ["/absolute", "/climbing", "/proc-root", "/around", "/around/inner", "/../../../OUTSIDE", "../OUTSIDE"];
  for (const way of WAYS) {
    const place = () => way.replace("/OUTSIDE", outside);
    test(`VOLUME ${way}`, async () => {
      const { stdout, stderr } = await run(evil(place()), [], "find", "/", "-xdev", "-name", "secret");
      expect(stdout).toBe("");
      expect(stderr).not.toContain("of the host");
      const { stdout: found } = await run(evil(place()), [], "sh", "-c", `cat ${place()}/secret; ls -d ${place()}`);
      expect(found).not.toContain("of the host");
    });
    test(`-v NAME:${way}`, async () => {
      const { stdout } = await run(evil(), ["-v", `filled:${place()}`], "sh", "-c", `cat ${place()}/secret`);
      expect(stdout).toBe("");
      await host.run(["volume", "rm", "-f", "filled"]);
    });
  }
});

test("CVE-2025-24965: what flags have made in the container is made in it, wherever its links lead", async () => {
  const image = evil();
  const made = (script: string, ...flags: string[]) => run(image, flags, "sh", "-c", script);
  expect((await made("pwd", "-w", "/absolute/made")).stdout).toBe(`${outside}/made\n`);
  for (const flags of [
    ["--tmpfs", "/absolute/made"],
    ["--tmpfs", "/climbing/made"],
    ["-v", "/etc:/absolute/made:ro"],
    ["-v", "/etc/passwd:/absolute/made:ro"],
    ["--device", "/dev/null:/absolute/made"],
  ])
    expect((await made("ls /absolute/", ...flags)).stdout).toBe("made\n");
  await host.ok(["secret", "create", "word", "-"], { stdin: "open" });
  expect((await made("cat /absolute/made", "--secret", "word,target=/absolute/made")).stdout).toBe("open");
  await host.ok(["secret", "rm", "word"]);
});

describe("what is in a volume is a container's doing", () => {
  test("CVE-2023-0778: export writes links as links, also while they take the place of folders", async () => {
    await host.ok(["volume", "create", "data"]);
    const script = [
      "cd /data",
      `ln -s ${outside} folder-link`,
      `ln -s ${outside}/secret file-link`,
      "mkdir dir",
      "echo inner > dir/secret",
      "echo ready",
      `while :; do mv dir kept; ln -s ${outside} dir; rm dir; mv kept dir; done`,
    ].join("; ");
    const id = await host.start(["-v", "data:/data"], ["sh", "-c", script]);
    await until("links are swapped", async () => (await host.ok(["logs", id])).includes("ready"));
    for (let i = 0; i < 20; i++) {
      const { stdout } = await host.run(["volume", "export", "data"]);
      expect(stdout).toContain("folder-link");
      expect(stdout).not.toContain("of the host");
    }
    await host.ok(["rm", "-f", "-t", "0", id]);
    await host.ok(["volume", "rm", "data"]);
  });

  test("CVE-2025-11395: import does not follow links, of the volume or of the archive", async () => {
    await host.ok(["volume", "create", "data"]);
    await run(host.image, ["-v", "data:/data"], "ln", "-s", outside, "/data/there");
    const archives: TarEntry[][] = [
      [{ path: "there/secret", data: "changed" }],
      [
        { path: "own", type: "symlink", target: outside },
        { path: "own/made", data: "changed" },
      ],
      [
        { path: "file", type: "symlink", target: `${outside}/secret` },
        { path: "file", data: "changed" },
      ],
      [
        { path: "hard", type: "link", target: `../../../../../../../../..${outside}/secret` },
        { path: "hard", data: "changed" },
      ],
      [{ path: `../../../../../../../../..${outside}/made`, data: "changed" }],
    ];
    for (const entries of archives) {
      await host.run(["volume", "import", "data", "-"], { stdin: writeTar(entries) });
      expect(readdirSync(outside)).toEqual(["secret"]);
      expect(readFileSync(`${outside}/secret`, "utf8")).toBe("of the host");
    }
    await host.ok(["volume", "rm", "data"]);
  });

  test("CVE-2025-9566: files of a ConfigMap are not written through what a container left in their place", async () => {
    const yaml = (value: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {secret: ${value}}
---
apiVersion: v1
kind: Pod
metadata: {name: site}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: ${host.image}
    command: [sh, -c, 'rm -rf /conf/secret /conf/..data; ln -s ${outside}/secret /conf/secret; cat /conf/secret']
    volumeMounts: [{name: conf, mountPath: /conf}]
  volumes:
  - {name: conf, configMap: {name: conf}}
`;
    const play = (value: string, ...flags: string[]) =>
      host.ok(["kube", "play", "--quiet", "--network=none", ...flags, "-"], { stdin: yaml(value) });
    await play("first");
    for (const value of ["second", "third"]) {
      await play(value, "--replace");
      await until("it has read the file", async () => (await host.ok(["logs", "site-main"])) !== "");
      expect(await host.ok(["logs", "site-main"])).not.toContain("of the host");
      expect(readFileSync(`${outside}/secret`, "utf8")).toBe("of the host");
    }
    await host.ok(["kube", "down", "-"], { stdin: yaml("third") });
  });
});

test("CVE-2022-1227: top runs no program of the container and loads none of its libraries", async () => {
  const script = "#!/bin/sh\necho ran > /ran\necho of the container\n";
  const image = writeBusyboxLayout(host.folder.join("top"), {
    layers: [
      { content: busyboxTree() },
      {
        content: ["bin/ps", "bin/nsenter", "usr/bin/ps", "usr/bin/nsenter", "usr/bin/tsbox"].map((path) => ({
          path,
          mode: 0o755,
          data: script,
        })),
      },
    ],
  });
  await host.ok(["run", "-d", "-q", "--network=none", "--name=watched", image, "sleep", "1000"]);
  for (const words of [[], ["pid", "args"], ["-ef"]]) {
    const { stdout } = await host.run(["top", "watched", ...words]);
    expect(stdout).not.toContain("of the container");
  }
  expect(await host.ok(["top", "watched"])).toContain("sleep 1000");
  expect((await host.run(["exec", "watched", "test", "-e", "/ran"])).exitCode).toBe(1);
  await host.ok(["rm", "-f", "-t", "0", "watched"]);
});
