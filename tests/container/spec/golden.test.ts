/**
 * Command lines and the config.json that each becomes, whole: `golden/*.json`. After a change that is meant, write them anew with
 * TSBOX_WRITE_GOLDEN=1, format them and read the difference.
 */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SpecContext } from "../../../src/container/spec/build.ts";
import { type ContainerDefaults, parseRuntimeConfig } from "../../../src/oci/index.ts";
import { schemaErrors } from "../../support/runtime-schema.ts";
import { CONTEXT, specify } from "./specification.ts";

interface Case {
  readonly name: string;
  readonly flags: readonly string[];
  readonly image?: ContainerDefaults;
  readonly context?: Partial<SpecContext>;
}

const SERVER: ContainerDefaults = {
  User: "guest",
  Env: ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"],
  Entrypoint: ["/usr/bin/server"],
  Cmd: ["--port", "80"],
  WorkingDir: "/srv",
  Volumes: { "/data": {} },
  ExposedPorts: { "80/tcp": {} },
  Labels: { "org.opencontainers.image.title": "server" },
  StopSignal: "SIGQUIT",
};

const CASES: readonly Case[] = [
  { name: "plain", flags: ["alpine"] },
  { name: "image-config", flags: ["server"], image: SERVER },
  {
    name: "terminal",
    flags: ["-it", "-e", "EDITOR=vi", "-w", "/work", "-u", "1000:100", "--hostname", "box", "alpine", "ls", "-l"],
  },
  {
    name: "mounts",
    flags: [
      ..."-v /srv/data:/data/deep:ro -v ./here:/data --tmpfs /run:size=16m,mode=755 --device /dev/fuse".split(" "),
      ..."--mount type=bind,src=/opt,dst=/opt,readonly,bind-propagation=rslave --read-only --shm-size 1g alpine".split(
        " ",
      ),
    ],
  },
  {
    name: "security",
    flags: [
      ..."--cap-drop all --cap-add net_admin,CAP_SYS_TIME --security-opt no-new-privileges=false".split(" "),
      ..."--security-opt mask=/proc/uptime:/sys/class --security-opt unmask=/proc/acpi alpine".split(" "),
    ],
  },
  {
    name: "privileged",
    flags: ["--privileged", "alpine"],
    context: { privilegedDevices: ["/dev/fuse", "/dev/net/tun"] },
  },
  {
    name: "limits",
    flags: [
      ..."--memory 512m --cpus 1.5 --pids-limit 100 --ulimit nofile=1024:2048 --ulimit core=-1".split(" "),
      ..."--sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=65536 --annotation a.b=c --label x=y alpine".split(" "),
    ],
  },
  {
    name: "more-limits",
    flags: [
      ..."-m 512m --memory-swap 768m --memory-reservation 256m -c 512 --cpu-period 50000 --cpu-quota 25000".split(" "),
      ..."--cpuset-cpus 0-1 --cpuset-mems 0 --blkio-weight 300 --pids-limit -1 --oom-score-adj 500".split(" "),
      ..."--umask 0077 --domainname example.org alpine".split(" "),
    ],
  },
  {
    name: "host-namespaces",
    flags: ["--pid=host", "--ipc=host", "--uts=host", "--network=host", "alpine"],
    context: { newNetwork: false },
  },
  {
    name: "single-id",
    flags: ["alpine"],
    context: {
      mapping: {
        kind: "single",
        name: "single",
        uids: [{ container: 0, host: 1000, count: 1 }],
        gids: [{ container: 0, host: 1000, count: 1 }],
      },
    },
  },
  { name: "root", flags: ["alpine"], context: { mapping: { ...CONTEXT.mapping, kind: "none", name: "identity" } } },
];

for (const { name, flags, image, context } of CASES) {
  test(`${name}: tsbox run ${flags.join(" ")}`, async () => {
    const config = specify(flags, { ...(image && { image }), ...(context && { context }) });
    const json = `${JSON.stringify(config, null, 2)}\n`;
    const file = join(import.meta.dir, "golden", `${name}.json`);
    if (process.env.TSBOX_WRITE_GOLDEN === "1") writeFileSync(file, json);
    expect(JSON.parse(json)).toEqual(JSON.parse(readFileSync(file, "utf8")));
    expect(schemaErrors("config", JSON.parse(json))).toEqual([]);
    expect(await parseRuntimeConfig(json)).toEqual(JSON.parse(json));
  });
}

test("a limit that is none is written as a number of 64 bits, which other runtimes can read", () => {
  const json = JSON.stringify(specify(["--ulimit", "core=unlimited", "alpine"]));
  const [, hard] = /"hard":(\d+)/.exec(json) ?? [];
  expect(BigInt(hard ?? -1)).toBeGreaterThan(2n ** 63n);
  expect(BigInt(hard ?? -1)).toBeLessThan(2n ** 64n);
});
