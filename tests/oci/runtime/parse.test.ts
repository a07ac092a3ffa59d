import { describe, expect, test } from "bun:test";
import { ROOT } from "../../../scripts/build-native.ts";
import { TsboxError } from "../../../src/error.ts";
import { parseRuntimeConfig, parseRuntimeFeatures, parseRuntimeState } from "../../../src/oci/index.ts";
import { type Document, examples, schemaErrors } from "../../support/runtime-schema.ts";

const PARSERS: Record<Document, (json: string) => Promise<unknown>> = {
  config: parseRuntimeConfig,
  features: parseRuntimeFeatures,
  state: parseRuntimeState,
};

async function refusal(parsing: Promise<unknown>): Promise<string> {
  const error = await parsing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof TsboxError)) throw new Error(`expected a TsboxError, got ${error}`);
  return error.message;
}

type Json = Record<string, unknown>;

/** A configuration that uses most fields, with one of them replaced; `path` as messages write it. */
function withField(path: string, value: unknown): Json {
  const config = JSON.parse(examples("config", "good").find(({ name }) => name === "spec-example.json")?.text ?? "");
  const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
  const last = keys.pop() ?? "";
  let at = config;
  for (const key of keys) at = at[key] ??= {};
  if (value === undefined) delete at[last];
  else at[last] = value;
  return config;
}

for (const document of ["config", "features", "state"] as const) {
  describe(`the specification's examples of ${document}`, () => {
    for (const { name, text } of examples(document, "good")) {
      test(`${name} is read, and nothing of it is lost`, async () => {
        expect(schemaErrors(document, JSON.parse(text))).toEqual([]);
        expect(await PARSERS[document](text)).toMatchObject(JSON.parse(text));
      });
    }
    for (const { name, text } of examples(document, "bad")) {
      test(`${name} is refused`, async () => {
        expect(await refusal(PARSERS[document](text))).toStartWith("cannot read ");
      });
    }
  });
}

/** The official schema refuses these, and so does tsbox, by the field's name. */
const AGAINST_SCHEMA: readonly (readonly [path: string, value: unknown, reason: string])[] = [
  ["ociVersion", undefined, "is missing"],
  ["ociVersion", 1, "must be a text"],
  ["process.cwd", undefined, "is missing"],
  ["process.terminal", "yes", "must be true or false"],
  ["process.args", "sh", "must be a list"],
  ["process.args[0]", 7, "must be a text"],
  ["process.env", { PATH: "/bin" }, "must be a list"],
  ["process.user.uid", -1, "must be at least 0"],
  ["process.user.uid", 2 ** 32, "must be at most 4294967295"],
  ["process.user.uid", 1.5, "must be a whole number"],
  ["process.user.uid", "0", "must be a number"],
  ["process.user.additionalGids[1]", -5, "must be at least 0"],
  ["process.rlimits[0].type", "nofile", "must be a name such as RLIMIT_NOFILE"],
  ["process.rlimits[1].hard", undefined, "is missing"],
  ["process.capabilities.bounding", "ALL", "must be a list"],
  ["process.ioPriority", { class: "IOPRIO_CLASS_BEST" }, "must be one of"],
  ["process.scheduler", { policy: "SCHED_FAST" }, "must be one of"],
  ["process.execCPUAffinity", { initial: "first" }, "must be a list of processors"],
  ["process.consoleSize", { height: 24 }, "is missing"],
  ["root.path", undefined, "is missing"],
  ["mounts[2].destination", undefined, "is missing"],
  ["mounts[2].options", "ro,nosuid", "must be a list"],
  ["mounts[0].uidMappings", [{ containerID: 0, hostID: 0 }], "is missing"],
  ["hooks.prestart", { path: "/bin/true" }, "must be a list"],
  ["hooks.poststart[0].timeout", 0, "must be at least 1"],
  ["annotations", { key: 1 }, "must be a text"],
  ["linux.namespaces[0].type", "net", "must be one of"],
  ["linux.uidMappings[0].size", undefined, "is missing"],
  ["linux.devices[0].type", "x", "must be one of c, b, u, p"],
  ["linux.devices[0].fileMode", 0o200000, "must be at most 65535"],
  ["linux.resources.memory.limit", "512m", "must be a number"],
  ["linux.resources.cpu.cpus", 2, "must be a text"],
  ["linux.resources.blockIO.weight", 65536, "must be at most 65535"],
  ["linux.resources.blockIO.throttleReadBpsDevice[0].major", undefined, "is missing"],
  ["linux.resources.pids", {}, "is missing"],
  ["linux.resources.unified", { "memory.high": 1 }, "must be a text"],
  ["linux.rootfsPropagation", "private-ish", "must be one of"],
  ["linux.seccomp.defaultAction", "ALLOW", "must be one of"],
  ["linux.seccomp.architectures[1]", "x86", "must be one of"],
  ["linux.seccomp.flags", ["SECCOMP_FILTER_FLAG_NEW"], "must be one of"],
  ["linux.seccomp.syscalls[0].names", [], "must not be empty"],
  ["linux.seccomp.syscalls[0].args", [{ index: 0, value: -1, op: "SCMP_CMP_EQ" }], "must be a whole number of 64 bits"],
  ["linux.sysctl", { "net.ipv4.ip_forward": 1 }, "must be a text"],
  ["linux.maskedPaths", "/proc/kcore", "must be a list"],
  ["linux.personality", { domain: "BSD" }, "must be one of"],
  ["linux.intelRdt", { memBwSchema: "MB:0=20\nL3:0=f" }, "must be one line"],
  ["linux.memoryPolicy", { mode: "MPOL_NEAR" }, "must be one of"],
  ["linux", [], "must be an object"],
  ["process.user", [], "must be an object"],
  ["linux.sysctl", ["net.a"], "must be an object"],
  ["linux.timeOffsets.monotonic.nanosecs", -1, "must be at least 0"],
];

describe("what the official schema refuses", () => {
  for (const [path, value, reason] of AGAINST_SCHEMA) {
    test(`${path} = ${JSON.stringify(value)}`, async () => {
      const config = withField(path, value);
      expect(schemaErrors("config", config)).not.toEqual([]);
      const message = await refusal(parseRuntimeConfig(JSON.stringify(config)));
      expect(message).toStartWith(`cannot read config.json: ${path}`);
      expect(message).toContain(reason);
    });
  }
});

/** Rules of the specification's text, or of the kernel, that a JSON schema does not hold. */
const AGAINST_TEXT: readonly (readonly [path: string, value: unknown, message: string])[] = [
  ["ociVersion", "one", "ociVersion: must be a version such as 1.3.0"],
  ["process.cwd", "home", "process.cwd: must be an absolute path"],
  ["process.cwd", "", "process.cwd: must be an absolute path"],
  ["process.args", [], "process.args: must not be empty"],
  [
    "process.rlimits",
    [
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      { type: "RLIMIT_CORE", soft: 1, hard: 1 },
    ],
    "process.rlimits: has RLIMIT_CORE twice",
  ],
  ["process.oomScoreAdj", 2000, "process.oomScoreAdj: must be at most 1000"],
  ["root.path", "", "root.path: must not be empty"],
  ["mounts[0].destination", "", "mounts[0].destination: must not be empty"],
  ["hooks.prestart[0].path", "fix-mounts", "hooks.prestart[0].path: must be an absolute path"],
  ["linux.namespaces", [{ type: "pid" }, { type: "pid" }], "linux.namespaces: has pid twice"],
  ["linux.namespaces[1].path", "proc/1/ns/net", "linux.namespaces[1].path: must be an absolute path"],
  ["linux.devices[0].path", "fuse", "linux.devices[0].path: must be an absolute path"],
  ["linux.devices[0].major", undefined, "linux.devices[0]: must have major and minor numbers"],
  ["linux.maskedPaths[0]", "proc/kcore", "linux.maskedPaths[0]: must be an absolute path"],
  ["linux.readonlyPaths[0]", "", "linux.readonlyPaths[0]: must be an absolute path"],
  ["linux.seccomp.listenerMetadata", "x", "linux.seccomp: listenerMetadata must not be set without listenerPath"],
  [
    "linux.seccomp.syscalls[0].args",
    [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }],
    "linux.seccomp.syscalls[0].args[0].index: must be at most 5",
  ],
  ["linux.intelRdt.closID", "../other", "linux.intelRdt.closID: must be the name of a folder or /"],
  ["linux.intelRdt.closID", "..", "linux.intelRdt.closID: must be the name of a folder or /"],
  [
    "linux.resources.unified",
    { "../memory.max": "1" },
    "linux.resources.unified: must have names of cgroup files such as memory.high",
  ],
  [
    "linux.netDevices",
    { eth0: { name: "a/b" } },
    "linux.netDevices.eth0.name: must be the name of a network device, of at most 15 letters",
  ],
];

describe("what the specification's text refuses", () => {
  for (const [path, value, message] of AGAINST_TEXT) {
    test(`${path} = ${JSON.stringify(value)}`, async () => {
      const config = withField(path, value);
      expect(schemaErrors("config", config)).toEqual([]);
      expect(await refusal(parseRuntimeConfig(JSON.stringify(config)))).toBe(`cannot read config.json: ${message}`);
    });
  }
});

test("a document that is not an object is refused", async () => {
  expect(await refusal(parseRuntimeConfig("[]"))).toBe("cannot read config.json: it must be an object");
  expect(await refusal(parseRuntimeConfig("null", "/b/config.json"))).toBe(
    "cannot read /b/config.json: it must be an object",
  );
});

test("a major version that nobody knows yet is refused", async () => {
  expect(await refusal(parseRuntimeConfig('{"ociVersion":"2.0.0","root":{"path":"rootfs"}}'))).toBe(
    "cannot use config.json: ociVersion: 2.0.0 is newer than tsbox, which knows runtime-spec 1.3",
  );
});

test("unknown fields are no error and stay", async () => {
  const config = await parseRuntimeConfig('{"ociVersion":"1.3.0","linux":{"future":{"on":true}},"x-mine":1}');
  expect(config).toEqual({ ociVersion: "1.3.0", linux: { future: { on: true } }, "x-mine": 1 } as never);
});

test("a process without a user is root's", async () => {
  const config = await parseRuntimeConfig('{"ociVersion":"1.3.0","process":{"cwd":"/"}}');
  expect(config.process?.user).toEqual({ uid: 0, gid: 0 });
});

test("numbers of a system call filter are not rounded", async () => {
  const args = '[{"index":0,"value":18446744073709551614,"valueTwo":9007199254740993,"op":"SCMP_CMP_MASKED_EQ"}]';
  const json = `{"ociVersion":"1.3.0","process":{"cwd":"/","rlimits":[{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615}]},
    "linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["clone"],"action":"SCMP_ACT_ERRNO","args":${args}}]}}}`;
  const config = await parseRuntimeConfig(json);
  expect(config.linux?.seccomp?.syscalls?.[0]?.args?.[0]).toEqual({
    index: 0,
    value: 18446744073709551614n,
    valueTwo: 9007199254740993n,
    op: "SCMP_CMP_MASKED_EQ",
  });
  // a limit is a number still: the largest means "none", and stays above every other
  expect(config.process?.rlimits?.[0]?.hard).toBe(2 ** 64);
});

test("a number above 64 bits is refused in a system call filter", async () => {
  const json =
    '{"ociVersion":"1.3.0","linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["clone"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":18446744073709551616,"op":"SCMP_CMP_EQ"}]}]}}}';
  expect(await refusal(parseRuntimeConfig(json))).toContain("linux.seccomp.syscalls[0].args[0].value");
});

test("a name that would be lost is refused, one that only looks special is kept", async () => {
  const lost = '{"ociVersion":"1.3.0","annotations":{"constructor":7}}';
  expect(await refusal(parseRuntimeConfig(lost))).toBe(
    "cannot read config.json: annotations: must not have one of the names __proto__, prototype, constructor",
  );
  const kept = await parseRuntimeConfig('{"ociVersion":"1.3.0","annotations":{"toString":"b"}}');
  expect(kept.annotations).toEqual({ toString: "b" } as never);
});

test("reading a configuration loads no schema before it is asked for", async () => {
  const program = 'await import("./src/oci/runtime/parse.ts"); console.log(Object.keys(require.cache).join(" "))';
  const run = Bun.spawn([process.execPath, "-e", program], { cwd: ROOT, stdout: "pipe", stderr: "inherit" });
  const loaded = await new Response(run.stdout).text();
  expect(loaded).toContain("exact-json.ts");
  expect(loaded).not.toContain("valibot");
});
