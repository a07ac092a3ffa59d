import { afterAll, expect } from "bun:test";
import { chooseAbis, multiplexedCall, syscallNumbers } from "../../../src/runtime/seccomp/architecture.ts";
import { requires } from "../../support/skip.ts";
import { libseccomp, removeTool, resolveNumbers } from "./libseccomp.ts";

const test = requires(libseccomp);
afterAll(removeTool);

const ABIS = [...chooseAbis("x86_64", ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]), ...chooseAbis("aarch64", ["SCMP_ARCH_ARM"])];

/** arm's header gives `arm_sync_file_range` a second name, which libseccomp does not know there. */
const ALIASES = ["sync_file_range2"];

for (const abi of ABIS) {
  test(`${abi.token}: every number is libseccomp's, where it knows the call`, () => {
    const names = [...syscallNumbers(abi).keys()].filter((name) => !ALIASES.includes(name));
    const theirs = resolveNumbers(names, abi.token);
    const known = names.filter((_, index) => theirs[index] !== -1);
    expect(known.length).toBeGreaterThan(300);
    const ours = known.filter((name) => !(abi.multiplexed && multiplexedCall(name)));
    const pairs = (numbers: (name: string) => number | undefined) => ours.map((name) => `${name} ${numbers(name)}`);
    expect(pairs((name) => (syscallNumbers(abi).get(name) ?? -1) + abi.base)).toEqual(
      pairs((name) => theirs[names.indexOf(name)]),
    );
  });
}

test("what i386 multiplexes is libseccomp's, which gives such calls pseudo numbers", () => {
  const x86 = ABIS.find(({ multiplexed }) => multiplexed);
  const names = ABIS.flatMap((abi) => [...syscallNumbers(abi).keys()]);
  const theirs = resolveNumbers(names, x86?.token ?? "");
  // __PNR_socket is -101, __PNR_semop -201; other calls that i386 lacks are below -10000
  const pseudo = names.flatMap((name, index) => {
    const number = theirs[index] ?? 0;
    return number <= -100 && number > -300 ? [[name, -number % 100, number > -200 ? "socketcall" : "ipc"]] : [];
  });
  expect(pseudo.length).toBeGreaterThan(30);
  expect(names.filter((name) => multiplexedCall(name)).length).toBe(pseudo.length);
  for (const [name, call, through] of pseudo) {
    expect([name, multiplexedCall(String(name))]).toEqual([name, { through, call }] as unknown as (typeof name)[]);
  }
});
