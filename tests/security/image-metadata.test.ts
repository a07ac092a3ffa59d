/** Labels, annotations and all else that an image says about itself are a stranger's words, never options for the host. */
import { describe, expect, test } from "bun:test";
import type { ContainerDefaults } from "../../src/oci/index.ts";
import { specify } from "../container/spec/specification.ts";

const PLAIN: ContainerDefaults = { Cmd: ["sh"] };

/** Everything that some engine or runtime has taken for an instruction when it stood in an image or its annotations. */
const INSTRUCTIONS: Readonly<Record<string, string>> = {
  "run.oci.hooks.stderr": "/tmp/owned",
  "run.oci.handler": "wasm",
  "run.oci.keep_original_groups": "1",
  "run.oci.systemd.subgroup": "../../escape",
  "org.criu.config": "/tmp/owned",
  "org.systemd.property.ExecStartPre": "['/bin/sh']",
  "io.podman.annotations.privileged": "TRUE",
  "io.podman.annotations.seccomp": "unconfined",
  "io.kubernetes.cri-o.Devices": "/dev/sda",
  "io.kubernetes.cri-o.userns-mode": "host",
  "cdi.k8s.io/all": "vendor.com/device=all",
  RUN: "podman run --privileged -v /:/host IMAGE",
  "com.docker.security.cap-add": "ALL",
};

describe("CVE-2026-53488, CVE-2026-53492: an image cannot ask the host for anything", () => {
  test("labels change nothing in config.json", () => {
    expect(specify(["image"], { image: { ...PLAIN, Labels: INSTRUCTIONS } })).toEqual(
      specify(["image"], { image: PLAIN }),
    );
  });

  test("fields that are no image's change nothing either", () => {
    const image = {
      ...PLAIN,
      annotations: INSTRUCTIONS,
      Annotations: INSTRUCTIONS,
      HostConfig: { Privileged: true, Binds: ["/:/host"] },
      Hooks: { prestart: [{ path: "/bin/sh" }] },
      hooks: { createRuntime: [{ path: "/bin/sh" }] },
      Devices: ["/dev/sda"],
      CapAdd: ["ALL"],
      SecurityOpt: ["seccomp=unconfined"],
      NetworkDisabled: false,
      linux: { maskedPaths: [] },
    };
    // a name that TypeScript does not know, as JSON from a registry may have
    expect(specify(["image"], { image: image as ContainerDefaults })).toEqual(specify(["image"], { image: PLAIN }));
  });

  test("no hook ever comes from an image, and no annotation that was not given by flag", () => {
    const config = specify(["--annotation", "a=b", "image"], { image: { ...PLAIN, Labels: INSTRUCTIONS } });
    expect(config.hooks).toBeUndefined();
    expect(config.annotations).toEqual({ a: "b" });
  });

  test("what an image may ask for stays inside: a folder of its own for VOLUME, no mount of the host", () => {
    const image = { ...PLAIN, Volumes: { "/": {}, "/../../etc": {}, "/data": {}, "/proc": {} } };
    expect(specify(["image"], { image }).mounts).toEqual(specify(["image"], { image: PLAIN }).mounts);
  });
});

describe("CVE-2026-57231, CVE-2021-3602: the host's environment stays on the host", () => {
  const env = {
    AWS_SECRET_ACCESS_KEY: "s3cret",
    HOME: "/home/person",
    PATH: "/host/bin",
    LD_PRELOAD: "/evil.so",
    http_proxy: "http://user:pw@proxy",
  };

  test("nothing of it comes in by itself", () => {
    expect(specify(["image"], { env })).toEqual(specify(["image"], {}));
    expect(JSON.stringify(specify(["-t", "-i", "image"], { env }))).not.toMatch(
      /s3cret|\/home\/person|\/host\/bin|evil|user:pw/,
    );
  });

  test("an image that names a variable without a value does not get the host's", () => {
    const config = specify(["image"], {
      env,
      image: { ...PLAIN, Env: ["AWS_SECRET_ACCESS_KEY", "http_proxy", "A=1"] },
    });
    expect(JSON.stringify(config)).not.toMatch(/s3cret|user:pw/);
    expect(config.process?.env).toContain("A=1");
  });

  test("what is named on the command line comes, and that alone", () => {
    const list = specify(["-e", "http_proxy", "image"], { env }).process?.env ?? [];
    expect(list).toContain("http_proxy=http://user:pw@proxy");
    expect(list.join("\n")).not.toContain("s3cret");
  });
});
