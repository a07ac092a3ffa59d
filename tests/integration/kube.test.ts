/** `kube play` and `kube generate` through the executable. */
import { describe, expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { busybox } from "../support/busybox-image.ts";
import { executable, program, requires, subordinateIds, userNamespaces } from "../support/skip.ts";
import { TSBOX } from "../support/tsbox.ts";
import { Host, until } from "./detached/host.ts";

const it = requires(executable, busybox, userNamespaces, subordinateIds);
const withPodman = requires(executable, busybox, userNamespaces, subordinateIds, program("podman"));

const SECRET = `
apiVersion: v1
kind: Secret
metadata: {name: sec}
stringData: {password: only-for-the-program}
---
`;

class KubeHost extends Host {
  readonly shared = this.folder.join("host folder");

  constructor() {
    super();
    mkdirSync(this.shared, { mode: 0o777 });
    writeFileSync(`${this.shared}/page`, "of the host\n");
  }

  async play(yaml: string, ...flags: string[]): Promise<string> {
    return await this.ok(["kube", "play", "--quiet", "--network=none", ...flags, "-"], { stdin: yaml });
  }

  pod(spec: string, name = "site"): string {
    return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {app: ${name}}}\nspec:\n${spec.replaceAll("IMAGE", this.image)}`;
  }

  async output(container: string): Promise<string> {
    await until(`${container} has ended`, async () => {
      const state = await this.ok(["ps", "-a", "--filter", `name=^${container}$`, "--format", "{{.State}}"]);
      return state.trim() === "exited";
    });
    const { stdout, stderr } = await this.run(["logs", container]);
    return stdout + stderr;
  }

  async refusal(yaml: string): Promise<string> {
    const { exitCode, stderr } = await this.run(["kube", "play", "-"], { stdin: yaml });
    expect(exitCode).not.toBe(0);
    expect([this.containers(), await this.ok(["pod", "ls", "-q"])]).toEqual([[], ""]);
    return stderr;
  }

  override [Symbol.dispose](): void {
    Bun.spawnSync([TSBOX, "pod", "rm", "--force", "--all"], { env: this.env, cwd: this.home });
    super[Symbol.dispose]();
  }
}

/** Says what a container of it can find out. */
const EVERYTHING = `
  restartPolicy: Never
  hostname: sitehost
  terminationGracePeriodSeconds: 1
  hostAliases: [{ip: 192.0.2.7, hostnames: [db, cache]}]
  dnsConfig: {nameservers: [192.0.2.53], searches: [example.org], options: [{name: ndots, value: "3"}]}
  initContainers:
  - name: prepare
    image: IMAGE
    command: [sh, -c, "echo prepared > /shared/done"]
    volumeMounts: [{name: shared, mountPath: /shared}]
  containers:
  - name: main
    image: IMAGE
    command: [sh, -c]
    args:
    - |
      hostname; grep 192.0.2.7 /etc/hosts; cat /etc/resolv.conf; pwd; echo "$GREETING $(POD)" '$$(literal)' "$PASSWORD"
      cat /shared/done /config/a /config/sub/b /sec/password /page/page; id -u; id -g
      touch /x 2>/dev/null || echo read-only; touch /config/x 2>/dev/null || echo config read-only; touch /page/x 2>/dev/null || echo page read-only
      echo kept > /data/kept; grep -E 'CapBnd|NoNewPrivs' /proc/self/status; grep ' /memory ' /proc/mounts
    workingDir: /tmp
    env:
    - {name: GREETING, valueFrom: {configMapKeyRef: {name: conf, key: greeting}}}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: sec, key: password}}}
    - {name: NOT, valueFrom: {configMapKeyRef: {name: absent, key: x, optional: true}}}
    securityContext:
      runAsUser: 0
      readOnlyRootFilesystem: true
      allowPrivilegeEscalation: true
      capabilities: {drop: [ALL], add: [CHOWN]}
    volumeMounts:
    - {name: shared, mountPath: /shared}
    - {name: memory, mountPath: /memory}
    - {name: config, mountPath: /config}
    - {name: sec, mountPath: /sec}
    - {name: data, mountPath: /data}
    - {name: page, mountPath: /page, readOnly: true}
  volumes:
  - {name: shared, emptyDir: {}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: config, configMap: {name: conf, items: [{key: a, path: a}, {key: b, path: sub/b}]}}
  - {name: sec, secret: {secretName: sec}}
  - {name: data, persistentVolumeClaim: {claimName: data}}
  - {name: page, hostPath: {path: "SHARED", type: Directory}}
`;
const CONFIG_MAP = `
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {greeting: hello, a: "of a\\n", b: "of b\\n"}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
`;

const EXPECTED = `sitehost
192.0.2.7	db
192.0.2.7	cache
nameserver 192.0.2.53
search example.org
options ndots:3
/tmp
hello site $(literal) only-for-the-program
prepared
of a
of b
only-for-the-programof the host
0
0
read-only
config read-only
page read-only
NoNewPrivs:	0
CapBnd:	0000000000000001
tmpfs /memory tmpfs rw,nosuid,nodev,relatime,size=1024k`;

function check(output: string): void {
  // the kernel's lines of /proc come in its own order
  const lines = (text: string) => text.trim().split("\n").sort();
  const found = output.replace(/(size=1024k).*/, "$1");
  expect(lines(found)).toEqual(lines(EXPECTED));
}

describe("kube play", () => {
  it("makes a pod with all that its YAML says, and generate's YAML makes it again", async () => {
    using host = new KubeHost();
    const pod = host.pod(EVERYTHING.replace("SHARED", host.shared));
    const printed = await host.play(`${CONFIG_MAP}${SECRET}${pod}`);
    expect(printed).toMatch(
      /^Volumes:\ndata\nPod:\n[0-9a-f]{64}\nInit container:\n[0-9a-f]{64}\nContainer:\n[0-9a-f]{64}\n$/,
    );
    check(await host.output("site-main"));
    // what a Secret holds is in no description
    expect(await host.ok(["inspect", "site-main"])).not.toContain("only-for-the-program");
    expect(host.read("site-main", "options.json")).not.toContain("only-for-the-program");
    const generated = await host.ok(["kube", "generate", "site"]);
    expect(generated).toContain("# The Secret sec is not in it: put it before this.");
    expect(generated).not.toContain("only-for-the-program");

    expect(await host.play(`${CONFIG_MAP}${SECRET}${pod}`, "--down")).toMatch(
      /^Pods stopped:\n.{64}\nPods removed:\n.{64}\n$/,
    );
    expect([host.containers(), readdirSync(`${host.storage}/pods`)]).toEqual([[], ["names"]]);
    expect(await host.ok(["secret", "ls", "-q"])).toBe("");
    // the claim's data outlives the pod
    expect(await host.ok(["volume", "ls", "-q"])).toBe("data\n");
    expect(readFileSync(`${host.storage}/volumes/data/_data/kept`, "utf8")).toBe("kept\n");

    await host.play(`${SECRET}${generated}`);
    check(await host.output("site-main"));
    expect(await host.ok(["kube", "generate", "site"])).toBe(generated);
  });

  it("starts nothing with --start=false, and replaces with --replace", async () => {
    using host = new KubeHost();
    const pod = host.pod("  containers:\n  - {name: a, image: IMAGE, command: [sleep, '1000']}\n");
    await host.play(pod, "--start=false");
    expect(await host.ok(["pod", "ls", "--format={{.Status}}"])).toBe("Created\n");
    expect((await host.run(["kube", "play", "-"], { stdin: pod })).stderr).toContain(
      "there is a pod site; use --replace",
    );
    await host.play(pod, "--replace");
    expect(await host.ok(["pod", "ls", "--format={{.Status}}"])).toBe("Running\n");
    // as Kubernetes, where nothing is said
    const state = () => host.ok(["inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", "site-a"]);
    expect(await state()).toBe("always\n");
  });

  it("plays a Deployment of one, and Lists", async () => {
    using host = new KubeHost();
    const template = `{metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "${host.image}", command: [sleep, "1000"]}]}}`;
    const deployment = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: ${template}}}`;
    await host.play(`apiVersion: v1\nkind: List\nitems: [${deployment}]`);
    expect(await host.ok(["ps", "--format", "{{.Names}} {{.State}}"])).toBe("web-pod-a running\n");
  });

  it("finds out with a liveness probe whether a container does its work", async () => {
    using host = new KubeHost();
    await host.play(
      host.pod(`
  containers:
  - name: good
    image: IMAGE
    command: [sh, -c, "mkdir /w; echo x >/w/ok; exec httpd -f -p 8080 -h /w"]
    ports: [{containerPort: 8080, name: http}]
    livenessProbe: {httpGet: {path: /ok, port: http}, periodSeconds: 1}
  - name: bad
    image: IMAGE
    command: [sleep, "1000"]
    livenessProbe: {tcpSocket: {port: 9}, periodSeconds: 1, failureThreshold: 1}
`),
    );
    const health = (name: string) => host.ok(["inspect", "-f", "{{.State.Health.Status}}", `site-${name}`]);
    await until("the one is healthy", async () => (await health("good")) === "healthy\n");
    await until("the other is not", async () => (await health("bad")) === "unhealthy\n");
  });

  it("names the field that is wrong or not built, and makes nothing", async () => {
    using host = new KubeHost();
    const container = (text: string) => host.pod(`  containers:\n  - {name: a, image: IMAGE, ${text}}\n`);
    const cases = [
      [
        container("lifecycle: {preStop: {exec: {command: [x]}}}"),
        "Pod site: spec.containers[0].lifecycle: not built yet",
      ],
      [container("readinessProbe: {tcpSocket: {port: 1}}"), "spec.containers[0].readinessProbe: not built yet"],
      [container("env: [{name: A, value: 1}]"), "spec.containers[0].env[0].value: expected text, found the number 1"],
      [container("volumeMounts: [{name: v, mountPath: /v}]"), 'volumeMounts[0].name: the pod has no volume "v"'],
      [container("resources: {limits: {memory: lots}}"), 'resources.limits.memory: "lots" is not a quantity'],
      [
        host.pod("  nodeSelector: {a: b}\n  containers: [{name: a, image: IMAGE}]\n"),
        "Pod site: spec.nodeSelector: not built yet",
      ],
      [
        host.pod("  containers: [{name: a, image: IMAGE}]\n  volumes: [{name: v, nfs: {server: x}}]\n"),
        "spec.volumes[0].nfs: not built yet",
      ],
      ["a: [1,\nb: 2", "line 2"],
      ["kind: Service\nmetadata: {name: s}", "Service s: not built yet"],
    ] as const;
    for (const [yaml, message] of cases) expect(await host.refusal(yaml)).toContain(message);
  });

  it("publishes what has a port of the host, as generate says it", async () => {
    using host = new KubeHost();
    await host.play(
      host.pod("  containers:\n  - {name: a, image: IMAGE, command: [sleep, '9'], ports: [{containerPort: 80}]}\n"),
      "--start=false",
    );
    expect(await host.ok(["pod", "inspect", "-f", "{{.InfraConfig.PortBindings}}", "site"])).toBe("{}\n");
    await host.ok([
      "create",
      "--name",
      "box",
      "-p",
      "8080-8081:80-81/udp",
      "-e",
      "A=$(B) $$C",
      "-u",
      "7:8",
      host.image,
      "sleep",
      "08",
    ]);
    const { stdout, stderr } = await host.run(["kube", "generate", "box"]);
    expect(stderr).toBe("");
    await host.ok(["kube", "play", "--quiet", "--start=false", "-"], { stdin: stdout });
    const [first] = JSON.parse(await host.ok(["inspect", "box-pod-box"]));
    expect(first.Config.Env).toContain("A=$(B) $$C");
    expect(first.Config.User).toBe("7:8");
    expect(await host.ok(["pod", "inspect", "-f", "json", "box-pod"])).toContain(
      '"80/udp":[{"HostIp":"","HostPort":"8080"}]',
    );
  });
});

describe("kube generate", () => {
  withPodman(
    "makes YAML that podman plays",
    async () => {
      using host = new KubeHost();
      // podman 4.3 makes no folders in a volume, and reads no variable of a Secret that it has played itself
      const everything = EVERYTHING.replace("SHARED", host.shared)
        .replaceAll("sub/b", "b")
        .replace(/ {4}- \{name: PASSWORD.*\n/, "");
      await host.play(`${CONFIG_MAP}${SECRET}${host.pod(everything)}`, "--start=false");
      // podman has its images by name
      const yaml = (await host.ok(["kube", "generate", "site"])).replaceAll(host.image, "localhost/busybox:test");
      const podman = (args: readonly string[], stdin = "") => {
        const child = Bun.spawnSync(["podman", ...args], {
          env: host.env,
          cwd: host.home,
          stdin: Buffer.from(stdin),
          timeout: 60_000,
        });
        if (child.exitCode !== 0) throw new Error(`podman ${args.join(" ")}: ${child.stderr.toString()}`);
        return child.stdout.toString();
      };
      try {
        const image = podman(["pull", "-q", host.image]).trim();
        podman(["tag", image, "localhost/busybox:test"]);
        const played = podman(["kube", "play", "--start=false", "-"], `${SECRET}${yaml}`);
        expect(played).toContain("Pod:");
        const names = podman(["ps", "-a", "--format", "{{.Names}}"]).split("\n");
        expect(names).toContain("site-main");
        expect(podman(["inspect", "-f", "{{.HostConfig.ReadonlyRootfs}} {{.Config.WorkingDir}}", "site-main"])).toBe(
          "true /tmp\n",
        );
      } finally {
        Bun.spawnSync(["podman", "system", "reset", "--force"], { env: host.env, cwd: host.home, timeout: 60_000 });
      }
    },
    180_000,
  );
});
