import { expect, test } from "bun:test";
import { compileSeccomp } from "../../../src/runtime/seccomp/compile.ts";
import {
  defaultFilter,
  PRECOMPILED_CAPABILITIES,
  PRECOMPILED_FOR,
  precompiledKey,
} from "../../../src/runtime/seccomp/default-filter.ts";
import { DECISIVE_CAPABILITIES, dockerProfile } from "../../../src/runtime/seccomp/default-profile.ts";
import { PRECOMPILED } from "../../../src/runtime/seccomp/precompiled.gen.ts";
import { defaultProfile, type Host } from "../../../src/runtime/seccomp/profile.ts";

const ARCHITECTURES = ["x86_64", "aarch64"] as const;
const DOCKER =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT";
const DOCKER_CAPABILITIES = new Set(`${DOCKER} KILL AUDIT_WRITE`.split(" ").map((name) => `CAP_${name}`));

for (const arch of ARCHITECTURES) {
  const hosts: Host[] = ["4.7", "4.8", "6.18.44"].map((kernelVersion) => ({ arch, kernelVersion }));

  test(`${arch}: the default filter is the compiled default profile, precompiled or not`, async () => {
    const sets = [...PRECOMPILED_CAPABILITIES, [...DOCKER_CAPABILITIES], ["CAP_SYS_ADMIN"], DECISIVE_CAPABILITIES];
    for (const host of hosts)
      for (const names of sets) {
        const capabilities = new Set(names);
        const { program, flags } = compileSeccomp(defaultProfile(capabilities, host), arch);
        expect(await defaultFilter(capabilities, host)).toMatchObject({ program, flags });
      }
  });

  test(`${arch}: the text of a precompiled filter is what it was compiled from`, () => {
    for (const names of PRECOMPILED_CAPABILITIES) {
      const capabilities = new Set(names);
      const text = PRECOMPILED[precompiledKey(capabilities, arch)]?.json.join("") ?? "";
      expect(JSON.parse(text)).toEqual(defaultProfile(capabilities, { arch, kernelVersion: PRECOMPILED_FOR }));
    }
  });

  test(`${arch}: Docker's default capabilities have a precompiled filter`, async () => {
    expect(PRECOMPILED).toHaveProperty([precompiledKey(DOCKER_CAPABILITIES, arch)]);
  });
}

test("no other capability than the decisive ones is named in the default profile", async () => {
  const named = (dockerProfile().syscalls ?? []).flatMap(({ includes, excludes }) => [
    ...(includes?.caps ?? []),
    ...(excludes?.caps ?? []),
  ]);
  expect([...new Set(named)].sort()).toEqual([...DECISIVE_CAPABILITIES].sort());
});
