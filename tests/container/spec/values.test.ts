/** Sizes, limits, variables, capabilities, kernel parameters, signals: what flags may say and what not. */
import { describe, expect, test } from "bun:test";
import { chooseCapabilities, DEFAULT_CAPABILITIES } from "../../../src/container/spec/capabilities.ts";
import { mergeEnv, parseEnv, parseEnvFile } from "../../../src/container/spec/environment.ts";
import { parseSignal } from "../../../src/container/spec/signal.ts";
import { checkSysctl } from "../../../src/container/spec/sysctl.ts";
import { parseBytes, parseCpus, parseUlimit } from "../../../src/container/spec/units.ts";
import { ALL_CAPABILITIES } from "../../../src/runtime/index.ts";
import { refusal } from "./specification.ts";

describe("sizes", () => {
  const GOOD: readonly (readonly [string, number])[] = [
    ["1024", 1024],
    ["10b", 10],
    ["64k", 65536],
    ["64KiB", 65536],
    ["64kb", 65536],
    ["512m", 536870912],
    ["1.5g", 1610612736],
    ["1 G", 1073741824],
    ["2T", 2199023255552],
  ];
  for (const [text, bytes] of GOOD) test(`${text} is ${bytes}`, () => expect(parseBytes(text, "--memory")).toBe(bytes));
  for (const text of ["", "m", "-1", "1e9", "0x10", "10q", "1..5g", "9000p", "1g1"]) {
    test(`${JSON.stringify(text)} is none`, () => {
      expect(refusal(() => parseBytes(text, "--memory"))).toBe(
        `cannot use --memory ${text}: it is not a size such as 512m`,
      );
    });
  }
});

describe("processors", () => {
  test("a number becomes a quota", () => {
    expect(parseCpus("1.5")).toEqual({ quota: 150000, period: 100000 });
    expect(parseCpus(".5".padStart(3, "0"))).toEqual({ quota: 50000, period: 100000 });
  });
  for (const text of ["", "0", "0.001", "-1", "two", "1,5", "Infinity"]) {
    test(`${JSON.stringify(text)} is none`, () =>
      expect(refusal(() => parseCpus(text))).toStartWith("cannot use --cpus"));
  }
});

describe("limits", () => {
  test("soft and hard, one for both", () => {
    expect(parseUlimit("nofile=1024:2048")).toEqual({ type: "RLIMIT_NOFILE", soft: 1024, hard: 2048 });
    expect(parseUlimit("nproc=7")).toEqual({ type: "RLIMIT_NPROC", soft: 7, hard: 7 });
  });
  test("-1 and unlimited are no limit", () => {
    const { soft, hard } = parseUlimit("memlock=1:-1");
    expect(soft).toBe(1);
    expect(hard).toBeGreaterThan(2 ** 63);
    expect(parseUlimit("memlock=unlimited").soft).toBe(hard);
  });
  const BAD: readonly (readonly [string, string])[] = [
    ["files=1", '"files" is not a limit; there are core, cpu,'],
    ["nofile", "expected NAME=SOFT[:HARD]"],
    ["nofile=", "expected NAME=SOFT[:HARD]"],
    ["nofile=1:2:3", "expected NAME=SOFT[:HARD]"],
    ["nofile=1=2", "expected NAME=SOFT[:HARD]"],
    ["nofile=a", "expected NAME=SOFT[:HARD]"],
    ["nofile=-2", "expected NAME=SOFT[:HARD]"],
    ["nofile=2048:1024", "the soft limit is above the hard one"],
    ["nofile=-1:1024", "the soft limit is above the hard one"],
  ];
  for (const [text, reason] of BAD) {
    test(`${text} is refused`, () =>
      expect(refusal(() => parseUlimit(text))).toStartWith(`cannot use --ulimit ${text}: ${reason}`));
  }
});

describe("environment", () => {
  const host = { LANG: "C", EMPTY: "" };
  test("a value is taken as it is", () => expect(parseEnv("A=b=c d", host)).toBe("A=b=c d"));
  test("a name alone brings the caller's value, an empty one too", () => {
    expect(parseEnv("LANG", host)).toBe("LANG=C");
    expect(parseEnv("EMPTY", host)).toBe("EMPTY=");
  });
  test("a name that the caller does not have takes the image's away", () => {
    expect(mergeEnv(["A=1", "B=2"], [parseEnv("A", host)])).toEqual(["B=2"]);
  });
  test("later values replace earlier ones where those stood", () => {
    expect(mergeEnv(["A=1", "B=2"], ["C=3", "A=4"])).toEqual(["A=4", "B=2", "C=3"]);
  });
  for (const text of ["", "=x"]) {
    test(`${JSON.stringify(text)} is refused`, () =>
      expect(refusal(() => parseEnv(text, host))).toBe(`cannot use -e ${JSON.stringify(text)}: the name is missing`));
  }

  test("a file's lines are Docker's: comments, blank lines, verbatim values, names alone", () => {
    const text = '\uFEFF# comment\n\nA=1\n  B="quoted" # not a comment\r\nC=$A\nLANG\nMISSING\nD=\n#E=5\nF= spaced ';
    expect(parseEnvFile(text, "file", host)).toEqual([
      "A=1",
      'B="quoted" # not a comment',
      "C=$A",
      "LANG=C",
      "D=",
      "F= spaced ",
    ]);
  });
  const BAD: readonly (readonly [string, string])[] = [
    ["A=1\n=x", 'cannot read file: line 2: "" is not a variable\'s name'],
    ["export A=1", 'cannot read file: line 1: "export A" is not a variable\'s name'],
    ["A B", 'cannot read file: line 1: "A B" is not a variable\'s name'],
  ];
  for (const [text, message] of BAD) {
    test(`the file ${JSON.stringify(text)} is refused by its line`, () =>
      expect(refusal(() => parseEnvFile(text, "file", host))).toBe(message));
  }
});

describe("capabilities", () => {
  const choose = (add: readonly string[], drop: readonly string[], privileged = false) =>
    chooseCapabilities(add, drop, privileged);

  test("the default is Docker's fourteen", () => {
    expect(choose([], [])).toHaveLength(14);
    expect(choose([], []).toSorted()).toEqual(DEFAULT_CAPABILITIES.toSorted());
  });
  test("names go with and without CAP_, in any case", () => {
    expect(choose(["net_admin", "CAP_SYS_TIME"], ["ALL"])).toEqual(["CAP_NET_ADMIN", "CAP_SYS_TIME"]);
  });
  test("dropping ALL leaves what is added", () => expect(choose(["chown"], ["all"])).toEqual(["CAP_CHOWN"]));
  test("adding ALL leaves out what is dropped", () => {
    expect(choose(["ALL"], ["sys_admin"])).toEqual(ALL_CAPABILITIES.filter((name) => name !== "CAP_SYS_ADMIN"));
  });
  test("--privileged is all, and still heeds --cap-drop", () => {
    expect(choose([], [], true)).toEqual([...ALL_CAPABILITIES]);
    expect(choose([], ["sys_module"], true)).not.toContain("CAP_SYS_MODULE");
    expect(choose(["chown"], ["all"], true)).toEqual(["CAP_CHOWN"]);
  });
  for (const name of ["", "net admin", "CAP_", "CAP_CAP_CHOWN", "root"]) {
    test(`${JSON.stringify(name)} is refused`, () => {
      expect(refusal(() => choose([name], []))).toBe(`cannot use --cap-add ${name}: there is no such capability`);
      expect(refusal(() => choose([], [name]))).toBe(`cannot use --cap-drop ${name}: there is no such capability`);
    });
  }
});

describe("kernel parameters", () => {
  const own = { network: true, ipc: true };
  for (const name of ["net.ipv4.ip_forward", "net/ipv4/conf/eth0/forwarding", "kernel.shmmax", "fs.mqueue.msg_max"]) {
    test(`${name} may be set`, () => checkSysctl([name], own));
    test(`${name} may not when the host's namespace is shared`, () => {
      expect(refusal(() => checkSysctl([name], { network: false, ipc: false }))).toBe(
        `cannot set --sysctl ${name}: the container shares the host's namespace for it`,
      );
    });
  }
  for (const name of [
    "kernel.core_pattern",
    "vm.swappiness",
    "kernel.msgmaxx",
    "kernel.hostname",
    "user.max_user_namespaces",
  ]) {
    test(`${name} would change the host`, () =>
      expect(refusal(() => checkSysctl([name], own))).toContain("it is not of a namespace"));
  }
  for (const name of [
    "net",
    "net.",
    "net/../kernel/core_pattern",
    "net..x",
    "net./x",
    ".net.x",
    "net.ipv4 x",
    "net.a\nb",
  ]) {
    test(`${JSON.stringify(name)} is no name`, () =>
      expect(refusal(() => checkSysctl([name], own))).toContain("it is not a name such as net.ipv4.ip_forward"));
  }
});

describe("signals", () => {
  const GOOD: readonly (readonly [string, string])[] = [
    ["TERM", "SIGTERM"],
    ["sigkill", "SIGKILL"],
    ["15", "15"],
    ["SIGRTMIN+3", "SIGRTMIN+3"],
    ["WINCH", "SIGWINCH"],
  ];
  for (const [text, name] of GOOD) test(`${text} is ${name}`, () => expect(parseSignal(text)).toBe(name));
  for (const text of ["", "0", "65", "SIG", "SIGNOPE", "_BLOCK", "1.5", "-9", "toString"]) {
    test(`${JSON.stringify(text)} is none`, () => expect(refusal(() => parseSignal(text))).toContain("no such signal"));
  }
});
