/** Instructions of `commit --change`. */
import { expect, test } from "bun:test";
import { applyChange, applyChanges } from "../../../src/image/commit/index.ts";
import type { ContainerDefaults } from "../../../src/oci/index.ts";

const BASE: ContainerDefaults = { Env: ["PATH=/bin", "A=1"], WorkingDir: "/srv", Cmd: ["sh"], Labels: { old: "l" } };

const GOOD: readonly (readonly [text: string, changed: Partial<ContainerDefaults>])[] = [
  ['CMD ["a", "b c"]', { Cmd: ["a", "b c"] }],
  ["cmd echo $HOME 'x'", { Cmd: ["/bin/sh", "-c", "echo $HOME 'x'"] }],
  ['CMD ["broken"', { Cmd: ["/bin/sh", "-c", '["broken"'] }],
  ['ENTRYPOINT ["/init"]', { Entrypoint: ["/init"], Cmd: null }],
  ["ENV A=2", { Env: ["PATH=/bin", "A=2"] }],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a Dockerfile's, not JavaScript's
  ["ENV B=\"two words\" C='$A' D=$A/${A}x", { Env: ["PATH=/bin", "A=1", "B=two words", "C=$A", "D=1/1x"] }],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a Dockerfile's, not JavaScript's
  ["ENV PATH=$PATH:/new E=${NONE:-else} F=${A:+then}", { Env: ["PATH=/bin:/new", "A=1", "E=else", "F=then"] }],
  ["ENV OLD form of it", { Env: ["PATH=/bin", "A=1", "OLD=form of it"] }],
  ["ENV X=a\\ b Y=\\$A", { Env: ["PATH=/bin", "A=1", "X=a b", "Y=$A"] }],
  ["LABEL a=b old=new", { Labels: { old: "new", a: "b" } }],
  [
    "EXPOSE 80 53/udp 8000-8002",
    { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {} } },
  ],
  ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
  ['VOLUME ["/with space"]', { Volumes: { "/with space": {} } }],
  ["USER 1000:1000", { User: "1000:1000" }],
  ["STOPSIGNAL SIGINT", { StopSignal: "SIGINT" }],
  ["STOPSIGNAL 9", { StopSignal: "9" }],
  ["WORKDIR sub/../x", { WorkingDir: "/srv/x" }],
  ["WORKDIR /abs/", { WorkingDir: "/abs" }],
  ["ONBUILD RUN make", { OnBuild: ["RUN make"] }],
  ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
  [
    "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=4 CMD curl -f localhost",
    { Healthcheck: { Test: ["CMD-SHELL", "curl -f localhost"], Interval: 90e9, Timeout: 500e6, Retries: 4 } },
  ],
  ['HEALTHCHECK --start-period=2s CMD ["a"]', { Healthcheck: { Test: ["CMD", "a"], StartPeriod: 2e9 } }],
];

for (const [text, changed] of GOOD) {
  test(`${text} is understood`, () => {
    expect(applyChange(BASE, text)).toEqual({ ...BASE, ...changed });
  });
}

test("ENTRYPOINT takes the image's Cmd away, but not one that is given with it", () => {
  const entrypoint = 'ENTRYPOINT ["/init"]';
  const both = { Entrypoint: ["/init"], Cmd: ["a"] };
  expect(applyChanges(BASE, [entrypoint])).toMatchObject({ Entrypoint: ["/init"], Cmd: null });
  expect(applyChanges(BASE, ['CMD ["a"]', entrypoint])).toMatchObject(both);
  expect(applyChanges(BASE, [entrypoint, 'CMD ["a"]'])).toMatchObject(both);
});

const BAD = [
  "",
  "RUN make",
  "toString x",
  "CMD",
  "ENV",
  "ENV A",
  "ENV A=1 B",
  "ENV A='x",
  "EXPOSE 0",
  "EXPOSE 80/icmp",
  "EXPOSE 90-80",
  "EXPOSE 70000",
  "USER a b",
  "STOPSIGNAL not-one!",
  "HEALTHCHECK curl",
  "HEALTHCHECK --interval=soon CMD x",
  "HEALTHCHECK --other=1 CMD x",
  "HEALTHCHECK CMD [1]",
];

for (const text of BAD) {
  test(`${JSON.stringify(text)} is refused`, () => {
    expect(() => applyChange(BASE, text)).toThrow(/^cannot (use --change|read)/);
  });
}
