/** What YAML is read as, and what is refused with the field's name. */
import { describe, expect, test } from "bun:test";
import { readKubeFile } from "../../../src/container/kube/documents.ts";
import { containerOptions } from "../../../src/container/kube/options.ts";
import { readPodSpec } from "../../../src/container/kube/pod-spec.ts";

const POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";

function pods(text: string) {
  const file = readKubeFile(text, "file.yaml");
  return file.pods.map((document) => readPodSpec(document, file));
}

/** The options of the only container of a pod, whose fields these are. */
function options(fields: string, spec = "", more = "") {
  const [pod] = pods(`${more}${POD}spec:\n  containers:\n  - {name: c, image: "i:1", ${fields}}\n${spec}`);
  const [container] = pod?.containers ?? [];
  if (pod === undefined || container === undefined) throw new Error("there is none");
  return containerOptions(pod, container, { pod: "id", mounts: [], secrets: [], init: false });
}

describe("documents", () => {
  test("may be several, empty ones among them, and Lists", () => {
    const file = readKubeFile(
      `---\n---\n${POD}spec: {}\n---\nkind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}\n`,
      "f",
    );
    expect(file.pods.map(({ name }) => name)).toEqual(["p"]);
    expect(new TextDecoder().decode(file.configMaps.get("c")?.data.get("a"))).toBe("b");
  });

  test("may have anchors, merge keys and block texts", () => {
    const [pod] = pods(
      `${POD}spec:\n  containers:\n  - &a {name: a, image: i, args: [x]}\n  - {<<: *a, name: b, command: [sh, -c, "y"]}\n`,
    );
    expect(pod?.containers.map(({ name, image, args }) => [name, image, args])).toEqual([
      ["a", "i", ["x"]],
      ["b", "i", ["x"]],
    ]);
  });

  const BOMB = `a: &a [${"x,".repeat(20)}]\n${"bcdefgh"
    .split("")
    .map((name, i) => `${name}: &${name} [${`*${"abcdefgh"[i]},`.repeat(20)}]`)
    .join("\n")}\n`;
  const BAD: readonly (readonly [what: string, yaml: string, message: string])[] = [
    ["what is no YAML, with its line", "a: 1\nb: [", "cannot read f: line 2"],
    ["a key that is there twice", `${POD}spec: {hostname: a, hostname: b}`, "line 4"],
    ["an alias of nothing", "a: *b", "cannot read f"],
    ["aliases that stand for more than there is memory", `${BOMB}kind: Pod`, "cannot read f"],
    ["what has no kind", "metadata: {name: x}", "cannot play f: kind: it is missing"],
    ["what has no name", "kind: Pod\nmetadata: {}", "metadata.name: it is missing"],
    ["a list", "- a", "expected an object, found a list"],
    ["a kind that is not built", "kind: Job\nmetadata: {name: j}", "Job j: not built yet"],
    [
      "another version",
      `kind: Pod\napiVersion: v2\nmetadata: {name: p}`,
      "cannot play Pod p: apiVersion: not built yet",
    ],
    ["another namespace", `kind: Pod\nmetadata: {name: p, namespace: x}`, "metadata.namespace: not built yet"],
    [
      "several replicas",
      "kind: Deployment\nmetadata: {name: d}\nspec: {replicas: 2}",
      "spec.replicas: there is one pod",
    ],
    ["base64 that is none", "kind: Secret\nmetadata: {name: s}\ndata: {a: '!'}", "data: a: it is not base64"],
    ["a key that is a path", "kind: ConfigMap\nmetadata: {name: s}\ndata: {../a: x}", "a key has letters"],
  ];
  for (const [what, yaml, message] of BAD)
    test(`${what} is an error`, () => {
      expect(() => readKubeFile(yaml, "f")).toThrow(message);
    });
});

describe("a pod's spec", () => {
  const BAD: readonly (readonly [spec: string, message: string])[] = [
    ["containers: []", "spec.containers: there are none"],
    ["containers: [{name: a}]", "spec.containers[0].image: it is missing"],
    ["containers: [{name: a/b, image: i}]", 'spec.containers[0].name: "a/b" is not a name'],
    ["containers: [{name: a, image: i}, {name: a, image: i}]", "there are two of the name a"],
    ["containers: [{name: a, image: i, ports: [{containerPort: 0}]}]", "ports[0].containerPort: it is missing"],
    ["containers: [{name: a, image: i, ports: [{containerPort: 70000}]}]", "70000 is not a port"],
    ["containers: [{name: a, image: i, ports: [{containerPort: 1, protocol: SCTP}]}]", '"SCTP" is not one of TCP, UDP'],
    ["containers: [{name: a, image: i, tty: 'yes'}]", "tty: expected true or false"],
    ["containers: [{name: a, image: i, args: [1]}]", "args: entry 0: expected text"],
    ["containers: [{name: a, image: i, securityContext: {runAsNonRoot: true}}]", "runAsNonRoot: it takes a runAsUser"],
    [
      "containers: [{name: a, image: i, securityContext: {seLinuxOptions: {level: x}}}]",
      "seLinuxOptions: not built yet",
    ],
    [
      "containers: [{name: a, image: i, resources: {limits: {nvidia.com/gpu: 1}}}]",
      'limits["nvidia.com/gpu"]: not built',
    ],
    ["containers: [{name: a, image: i, livenessProbe: {grpc: {port: 1}}}]", "livenessProbe.grpc: not built yet"],
    ["containers: [{name: a, image: i, env: [{name: A=B, value: x}]}]", "is not a variable's name"],
    [
      "containers: [{name: a, image: i, env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}]",
      "status.podIP: not built",
    ],
    [
      "containers: [{name: a, image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]",
      "there is none of the name",
    ],
    [
      "securityContext: {fsGroup: 1}\n  containers: [{name: a, image: i}]",
      "spec.securityContext.fsGroup: not built yet",
    ],
    ["volumes: [{name: v}]\n  containers: [{name: a, image: i}]", "it does not say what it is"],
    ["volumes: [{name: v, hostPath: {path: a}}]\n  containers: [{name: a, image: i}]", "is not an absolute path"],
    [
      "volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]\n  containers: [{name: a, image: i}]",
      "sizeLimit: not built yet",
    ],
    [
      "volumes: [{name: v, hostPath: {path: /a}}]\n  containers: [{name: a, image: i, volumeMounts: [{name: v, mountPath: /x, subPath: s}]}]",
      "subPath: not built yet",
    ],
    [
      "volumes: [{name: v, emptyDir: {}}]\n  containers: [{name: a, image: i, volumeMounts: [{name: v, mountPath: /x, subPath: ../s}]}]",
      "is not a path within the volume",
    ],
    [
      "volumes: [{name: v, emptyDir: {medium: Memory}}]\n  containers: [{name: a, image: i, volumeMounts: [{name: v, mountPath: /x}]}, {name: b, image: i, volumeMounts: [{name: v, mountPath: /x}]}]",
      "that several containers mount",
    ],
    [
      'hostAliases: [{ip: 192.0.2.1, hostnames: ["a\\n192.0.2.2 b"]}]\n  containers: [{name: a, image: i}]',
      "is not a host name",
    ],
  ];
  for (const [spec, message] of BAD)
    test(`${spec.replaceAll("\n", " ")}: ${message}`, () => {
      expect(() => pods(`${POD}spec:\n  ${spec}`)).toThrow(message);
    });

  test("may say what says nothing, and what a cluster has noted", () => {
    const yaml = `apiVersion: v1\nkind: Pod\nmetadata: {name: p, creationTimestamp: null, uid: x, resourceVersion: "1"}\nspec:\n  nodeSelector: {}\n  tolerations: []\n  priority: null\n  containers:\n  - {name: a, image: i, resources: {}, terminationMessagePolicy: File}\nstatus: {phase: Running}`;
    expect(pods(yaml)).toHaveLength(1);
  });
});

describe("a container", () => {
  test("has Kubernetes' command and args for the image's entrypoint and command", () => {
    const words = (fields: string) => {
      const { entrypoint, command } = options(fields);
      return [entrypoint, command];
    };
    expect(words("")).toEqual([undefined, []]);
    expect(words("args: [a, b]")).toEqual([undefined, ["a", "b"]]);
    expect(words("command: [a, b]")).toEqual(["a", ["b"]]);
    expect(words("command: [a, b], args: [c]")).toEqual(["a", ["b", "c"]]);
  });

  test("has variables replaced in words and later variables, and escapes left as they are meant", () => {
    const { command, env } = options(
      'args: ["$(A)", "$$(A)", "$(NO)", "$A", "$$"], env: [{name: A, value: x}, {name: B, value: "$(A)y"}, {name: A, value: z}]',
    );
    expect(command).toEqual(["z", "$(A)", "$(NO)", "$A", "$"]);
    expect(env).toEqual(["A=z", "B=xy"]);
  });

  test("never has a Secret's value among its options", () => {
    const secret = "kind: Secret\nmetadata: {name: s}\nstringData: {k: hidden}\n---\n";
    const from = "env: [{name: K, valueFrom: {secretKeyRef: {name: s, key: k}}}]";
    expect(JSON.stringify(options(from, "", secret))).not.toContain("hidden");
    expect(JSON.stringify(options("envFrom: [{secretRef: {name: s}}]", "", secret))).not.toContain("hidden");
    expect(() => options(`args: ["$(K)"], ${from}`, "", secret)).toThrow("args: $(K) is from a Secret");
  });

  test("has the limits that quantities say", () => {
    const resources = (limits: string) => options(`resources: {${limits}}`).resources;
    expect(resources("limits: {memory: 128Mi}")).toEqual({ memory: { limit: 2 ** 27, swap: 2 ** 28 } });
    expect(resources("limits: {memory: 1.5G}").memory?.limit).toBe(1.5e9);
    const { quota = 0, period = 1 } = resources("limits: {cpu: 250m}").cpu ?? {};
    expect(quota / period).toBe(0.25);
    expect(resources("requests: {cpu: 2, memory: 1k}")).toEqual({
      cpu: { shares: 2048 },
      memory: { reservation: 1000 },
    });
  });

  test("is pulled as Kubernetes does", () => {
    const pull = (image: string, policy = "") => {
      const [pod] = pods(`${POD}spec: {containers: [{name: c, image: "${image}"${policy}}]}`);
      return pod?.containers[0]?.pull;
    };
    expect(pull("i")).toBe("newer");
    expect(pull("i:latest")).toBe("newer");
    expect(pull("localhost:5000/i")).toBe("newer");
    expect(pull("i:1")).toBe("missing");
    expect(pull(`i@sha256:${"0".repeat(64)}`)).toBe("missing");
    expect(pull("i", ", imagePullPolicy: Never")).toBe("never");
    expect(pull("i:1", ", imagePullPolicy: Always")).toBe("always");
  });

  test("takes its user and filter from the pod, unless it has its own", () => {
    const spec =
      "  securityContext: {runAsUser: 5, runAsGroup: 6, supplementalGroups: [7], seccompProfile: {type: Unconfined}}\n";
    const { user, groups, security } = options("", spec);
    expect([user, groups, security.seccomp]).toEqual(["5:6", ["7"], "unconfined"]);
    const own = options("securityContext: {runAsUser: 8, seccompProfile: {type: RuntimeDefault}}", spec);
    expect([own.user, own.security.seccomp]).toEqual(["8:6", undefined]);
  });
});
