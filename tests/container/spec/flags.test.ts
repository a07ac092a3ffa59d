/** Flags of `run` that say what stands in config.json, one by one; and each that is refused, with its sentence. */
import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { temporaryFolder } from "../../support/tmp.ts";
import { CONTEXT, options, refusal, specify } from "./specification.ts";

const mountsOf = (flags: string) =>
  options([...flags.split(" "), "alpine"]).mounts.map(({ type, source, destination, options: list }) =>
    [type, source ?? "-", destination, list.join(",")].join(" "),
  );

const MOUNTS: readonly (readonly [flags: string, mount: string])[] = [
  ["-v /a:/b", "bind /a /b rbind,rprivate"],
  ["--volume=/a:/b:ro", "bind /a /b rbind,ro,rro,rprivate"],
  ["-v /a:/b:rw,rshared,noexec", "bind /a /b rbind,rw,rshared,noexec"],
  ["-v ./a:/b", "bind /home/person/a /b rbind,rprivate"],
  ["-v ../a/./c/:/b//c/", "bind /home/a/c /b/c rbind,rprivate"],
  ["-v /a:/b:z", "bind /a /b rbind,rprivate"],
  ["-v /data", "volume - /data rbind,rprivate"],
  ["-v data:/b", "volume data /b rbind,rprivate"],
  ["-v my.data_1:/b:ro,Z", "volume my.data_1 /b rbind,ro,rro,rprivate"],
  ["--mount type=volume,src=data,dst=/b,ro", "volume data /b rbind,ro,rro,rprivate"],
  ["--mount dst=/b", "volume - /b rbind,rprivate"],
  ["--mount type=image,source=alpine:3,dst=/b", "image alpine:3 /b rbind,ro,rro,rprivate"],
  ["--mount type=image,source=alpine:3,dst=/b,rw=true", "image alpine:3 /b rbind,rw,rprivate"],
  ["--mount type=image,source=alpine:3,dst=/b,rw=false", "image alpine:3 /b rbind,ro,rro,rprivate"],
  ["--mount type=bind,source=/a,target=/b", "bind /a /b rbind,rprivate"],
  ["--mount type=bind,src=/a,dst=/b,readonly=true", "bind /a /b rbind,ro,rro,rprivate"],
  ["--mount type=bind,src=/a,dst=/b,ro=0,bind-nonrecursive", "bind /a /b rw,bind,rprivate"],
  ["--mount type=bind,src=/a,dst=/b,bind-propagation=rslave,nosuid", "bind /a /b rbind,rslave,nosuid"],
  ["--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700", "tmpfs - /t nosuid,nodev,noexec,size=1048576,mode=700"],
  ['--mount type=bind,"src=/a,b",dst=/b', "bind /a,b /b rbind,rprivate"],
  ['--mount "type=bind","src=/a""q",dst=/b', 'bind /a"q /b rbind,rprivate'],
  ["--tmpfs /t", "tmpfs - /t nosuid,nodev,noexec,mode=1777"],
  ["--tmpfs /t:exec,size=50%,uid=7", "tmpfs - /t nosuid,nodev,noexec,exec,size=50%,uid=7,mode=1777"],
  ["--device /dev/fuse", "bind /dev/fuse /dev/fuse bind,rprivate,nosuid,noexec"],
  ["--device /dev/a:/dev/b", "bind /dev/a /dev/b bind,rprivate,nosuid,noexec"],
  ["--device /dev/a:/dev/b:rwm", "bind /dev/a /dev/b bind,rprivate,nosuid,noexec"],
  ["--device /dev/a:rw", "bind /dev/a /dev/a bind,rprivate,nosuid,noexec"],
];

describe("mounts", () => {
  for (const [flags, mount] of MOUNTS) test(flags, () => expect(mountsOf(flags)).toEqual([mount]));

  test("a folder is mounted before what lies in it, and what replaces a standard mount replaces it", () => {
    const flags = "-v /1:/x/y/z -v /2:/x -v /3:/dev/shm --tmpfs /x/y -v /4:/etc";
    const mounts = specify([...flags.split(" "), "alpine"]).mounts?.map(({ destination }) => destination) ?? [];
    expect(mounts.filter((path) => /^\/(x|etc)/.test(path))).toEqual([
      "/x",
      "/etc",
      "/etc/resolv.conf",
      "/etc/hosts",
      "/etc/hostname",
      "/x/y",
      "/x/y/z",
    ]);
    expect(mounts.filter((path) => path === "/dev/shm")).toHaveLength(1);
  });

  test("a /dev of one's own is whole: none of the standard ones comes into it", () => {
    const mounts = specify(["-v", "/dev:/dev", "alpine"]).mounts ?? [];
    expect(mounts.filter(({ destination }) => destination.startsWith("/dev")).map(({ source }) => source)).toEqual([
      "/dev",
    ]);
  });

  test("options that are about a mount's source are not runtime-spec's", () => {
    const request = (flags: string) => options([...flags.split(" "), "alpine"]).mounts[0];
    expect(request("-v a:/b:U,nocopy")).toMatchObject({ options: ["rbind", "rprivate"], chown: true, noCopy: true });
    expect(request("-v /a:/b:U")).toMatchObject({ type: "bind", chown: true });
    expect(request("--mount type=volume,src=a,dst=/b,volume-nocopy,U")).toMatchObject({ chown: true, noCopy: true });
    expect(request("--mount type=volume,src=a,dst=/b,volume-nocopy=false")?.noCopy).toBeUndefined();
    expect(request("--mount type=volume,src=a,dst=/b,volume-subpath=./c//d/")?.subpath).toBe("c/d");
    expect(request("--mount type=image,src=a,dst=/b,image-subpath=etc")?.subpath).toBe("etc");
  });

  test("--volumes-from names a container", () => {
    expect(options(["--volumes-from", "db:ro,z", "--volumes-from", "web", "i"]).volumesFrom).toMatchObject([
      { container: "db", readOnly: true },
      { container: "web", readOnly: false },
    ]);
  });

  test("--secret is a file below /run/secrets that its user alone may read, unless it says otherwise", () => {
    const { secrets } = options(
      "--secret a --secret b,target=c/d,uid=1,gid=2,mode=0440 --secret source=e,target=/etc/e --secret f,type=env,target=F i".split(
        " ",
      ),
    );
    expect(secrets).toMatchObject([
      { secret: "a", type: "mount", target: undefined, uid: undefined, mode: 0o400 },
      { secret: "b", target: "/run/secrets/c/d", uid: 1, gid: 2, mode: 0o440 },
      { secret: "e", target: "/etc/e" },
      { secret: "f", type: "env", target: "F" },
    ]);
  });

  test("without group 5 in the mapping, terminals belong to nobody's group", () => {
    const { mapping } = CONTEXT;
    const few = { ...mapping, gids: [{ container: 0, host: 1000, count: 5 }] };
    const pts = specify(["alpine"], { context: { mapping: few } }).mounts?.find(({ type }) => type === "devpts");
    expect(pts?.options?.filter((option) => option.startsWith("gid="))).toEqual([]);
  });

  test("where cgroups are of version 1, the container sees none", () => {
    const { mounts } = specify(["alpine"], { context: { unifiedCgroups: false } });
    expect(mounts?.filter(({ type }) => type === "cgroup")).toEqual([]);
  });
});

const argsOf = (flags: string, image: Parameters<typeof specify>[1] = {}) =>
  specify(flags.split(" "), image).process?.args;

describe("the command", () => {
  const image = { Entrypoint: ["/entry", "-e"], Cmd: ["one", "two"] };
  test("is the image's entrypoint and command", () => {
    expect(argsOf("img", { image })).toEqual(["/entry", "-e", "one", "two"]);
  });
  test("given, it replaces the image's command", () => {
    expect(argsOf("img three -l --help", { image })).toEqual(["/entry", "-e", "three", "-l", "--help"]);
  });
  test("a new entrypoint makes the image's command void", () => {
    expect(argsOf("--entrypoint /mine img", { image })).toEqual(["/mine"]);
    expect(argsOf("--entrypoint=/mine img x", { image })).toEqual(["/mine", "x"]);
  });
  test("an empty entrypoint takes the image's away", () => {
    expect(argsOf("--entrypoint= img x", { image })).toEqual(["x"]);
  });
  test("null of an image is none", () => {
    expect(argsOf("img x", { image: { Entrypoint: null, Cmd: null, Env: null } })).toEqual(["x"]);
  });
  test("none at all is refused", () => {
    expect(refusal(() => argsOf("img", { image: {} }))).toBe("cannot run: no command given, and the image has none");
  });
});

describe("the environment", () => {
  test("comes from the image, then files, then flags, and never from the host by itself", () => {
    using folder = temporaryFolder();
    const file = folder.join("env");
    writeFileSync(file, "A=file\nB=file\nHOSTED\n");
    const env = specify(["--env-file", file, "-e", "A=flag", "-e", "GONE", "img"], {
      image: { Cmd: ["x"], Env: ["A=image", "C=image", "GONE=image"] },
      env: { HOSTED: "host", SECRET: "s3cret", PATH: "/host" },
    }).process?.env;
    expect(env).toEqual([
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOSTNAME=0123456789ab",
      "A=flag",
      "C=image",
      "B=file",
      "HOSTED=host",
      "HOME=/root",
    ]);
  });
  test("a HOME that is given stays", () => {
    expect(specify(["-e", "HOME=/x", "img"]).process?.env?.filter((entry) => entry.startsWith("HOME="))).toEqual([
      "HOME=/x",
    ]);
  });
});

describe("the user", () => {
  const image = { Cmd: ["x"], User: "guest" };
  test("is the image's, unless a flag names one", () => {
    expect(specify(["img"], { image }).process?.user.uid).toBe(1000);
    expect(specify(["-u", "0", "img"], { image }).process?.user.uid).toBe(0);
  });
  test("an empty flag does not make an image's user root", () => {
    expect(specify(["-u", "", "img"], { image }).process?.user.uid).toBe(1000);
  });
  test("is the caller with keep-id, whatever the image says", () => {
    const { uid, gid } = specify(["--userns=keep-id", "img"], { image }).process?.user ?? {};
    expect([uid, gid]).toEqual([process.geteuid?.(), process.getegid?.()]);
    expect(specify(["--userns=keep-id:uid=7,gid=8", "img"], { image }).process?.user).toMatchObject({ uid: 7, gid: 8 });
    expect(specify(["--userns=keep-id", "-u", "daemon", "img"], { image }).process?.user.uid).toBe(1);
  });
  test("without root, has no capabilities but may regain those of the bounding set", () => {
    const { bounding, effective, permitted, inheritable, ambient } =
      specify(["-u", "1000", "img"]).process?.capabilities ?? {};
    expect(bounding).toHaveLength(14);
    expect([effective, permitted, inheritable, ambient]).toEqual([[], [], [], []]);
  });
});

test("no_new_privs is on unless it is switched off by name", () => {
  const of = (...flags: string[]) => specify([...flags, "img"]).process?.noNewPrivileges;
  expect(of()).toBe(true);
  expect(of("--privileged")).toBe(true);
  expect(of("--security-opt", "no-new-privileges")).toBe(true);
  expect(of("--security-opt=no-new-privileges:true")).toBe(true);
  expect(of("--security-opt=no-new-privileges=false")).toBe(false);
});

test("masked and read-only paths are unmasked by name, or all", () => {
  const of = (...flags: string[]) => {
    const { maskedPaths = [], readonlyPaths = [] } = specify([...flags, "img"]).linux ?? {};
    return [...maskedPaths, ...readonlyPaths];
  };
  const standard = of();
  expect(standard).toContain("/proc/kcore");
  expect(of("--security-opt", "unmask=/proc/kcore:/proc/sys")).toEqual(
    standard.filter((path) => path !== "/proc/kcore" && path !== "/proc/sys"),
  );
  expect(of("--security-opt", "unmask=ALL")).toEqual([]);
  expect(of("--security-opt", "systempaths=unconfined")).toEqual([]);
  expect(of("--security-opt", "unmask=all", "--security-opt", "mask=/proc/uptime")).toEqual(["/proc/uptime"]);
});

/** What follows "tsbox run", and the whole sentence. */
const REFUSED: readonly (readonly [flags: readonly string[], message: string])[] = [
  [[], "cannot run: no image given; see tsbox run --help"],
  [["-v", "/a:/b:/c:/d", "i"], "cannot use -v /a:/b:/c:/d: expected SOURCE:DESTINATION[:OPTIONS]"],
  [["-v", "/a:b", "i"], 'cannot use -v /a:b: the destination "b" is not an absolute path'],
  [["-v", "/a:/b/../c", "i"], 'cannot use -v /a:/b/../c: the destination "/b/../c" has ".." in it'],
  [["-v", "/a:/b:ro,rw", "i"], "cannot use -v /a:/b:ro,rw: ro and rw contradict each other"],
  [["-v", "/a:/b:shared,rslave", "i"], "cannot use -v /a:/b:shared,rslave: shared and rslave contradict each other"],
  [["--uts=host", "-h", "x", "i"], "cannot use --hostname with --uts=host: the name is the host's"],
  [["--ipc=host", "--shm-size=1m", "i"], "cannot use --shm-size with --ipc=host: /dev/shm is the host's"],
  [["-v", "/a:/", "i"], "cannot use -v /a:/: the destination is the root"],
  [["-v", ":/b", "i"], "cannot use -v :/b: the source is missing"],
  [["-v", "/a:/b:sync", "i"], 'cannot use -v /a:/b:sync: "sync" is not an option'],
  [["-v", "/a:/b:nocopy", "i"], 'cannot use -v /a:/b:nocopy: "nocopy" is not an option'],
  [["-v", "a:/b:sync", "i"], 'cannot use -v a:/b:sync: "sync" is not an option of a volume'],
  [
    ["-v", "a/c:/b", "i"],
    'cannot use -v a/c:/b: "a/c" is no volume\'s name, which has letters, digits, "_", "." and "-" and begins with a letter or digit; a folder is written ./a/c',
  ],
  [["--volumes-from", ":ro", "i"], "cannot use --volumes-from :ro: expected CONTAINER[:ro]"],
  [["--volumes-from", "a:now", "i"], 'cannot use --volumes-from a:now: "now" is not an option'],
  [
    ["--mount", "type=volume,src=a,dst=/b,volume-subpath=../c", "i"],
    'cannot use --mount type=volume,src=a,dst=/b,volume-subpath=../c: the subpath "../c" is not below what is mounted',
  ],
  [
    ["--mount", "type=bind,src=/a,dst=/b,subpath=c", "i"],
    "cannot use --mount type=bind,src=/a,dst=/b,subpath=c: a bind has no subpath",
  ],
  [
    ["--mount", "type=image,src=a,dst=/b,U", "i"],
    "cannot use --mount type=image,src=a,dst=/b,U: an image's files keep their owners",
  ],
  [["--secret", "", "i"], "cannot use --secret : the secret's name is missing"],
  [["--secret", "a,type=file", "i"], "cannot use --secret a,type=file: the type is mount or env"],
  [["--secret", "a,mode=9", "i"], "cannot use --secret a,mode=9: mode=9 is not an octal mode"],
  [["--secret", "a,target=../b", "i"], 'cannot use --secret a,target=../b: "../b" is not a file\'s path'],
  [
    ["--secret", "a,type=env,mode=400", "i"],
    "cannot use --secret a,type=env,mode=400: a variable has no owner and no mode",
  ],
  [["--secret", "a,size=1", "i"], "cannot use --secret a,size=1: there is no key size"],
  [["-v", "/a:/b", "-v", "/c:/b/", "i"], "cannot use -v /c:/b/: -v /a:/b mounts at /b too"],
  [
    ["--mount", 'type=bind,src="/a",dst=/b', "i"],
    'cannot use --mount type=bind,src="/a",dst=/b: its quotes do not fit: a whole KEY=VALUE is quoted, and a quote in it is doubled',
  ],
  [["--mount", "type=bind,src=/a", "i"], "cannot use --mount type=bind,src=/a: the destination is missing"],
  [["--mount", "type=bind,dst=/b", "i"], "cannot use --mount type=bind,dst=/b: the source is missing"],
  [["--mount", "type=nfs,dst=/b", "i"], 'cannot use --mount type=nfs,dst=/b: there is no type "nfs"'],
  [
    ["--mount", "type=bind,src=/a,dst=/b,readnly", "i"],
    'cannot use --mount type=bind,src=/a,dst=/b,readnly: there is no key "readnly"',
  ],
  [
    ["--mount", "type=bind,src=/a,dst=/b,ro=maybe", "i"],
    "cannot use --mount type=bind,src=/a,dst=/b,ro=maybe: ro=maybe is neither true nor false",
  ],
  [["--mount", "type=tmpfs,src=/a,dst=/b", "i"], "cannot use --mount type=tmpfs,src=/a,dst=/b: a tmpfs has no source"],
  [
    ["--mount", "type=bind,src=/a,dst=/b,bind-propagation=up", "i"],
    "cannot use --mount type=bind,src=/a,dst=/b,bind-propagation=up: bind-propagation is one of private, rprivate, shared, rshared, slave, rslave",
  ],
  [["--tmpfs", "/t:mode=9", "i"], 'cannot use --tmpfs /t:mode=9: "mode=9" is not an option'],
  [["--tmpfs", "t", "i"], 'cannot use --tmpfs t: the destination "t" is not an absolute path'],
  [["--device", "fuse", "i"], 'cannot use --device fuse: the device "fuse" is not an absolute path'],
  [["--device", "/dev/a:/dev/b:rwx", "i"], "cannot use --device /dev/a:/dev/b:rwx: expected HOST[:CONTAINER[:rwm]]"],
  [
    ["--device", "/dev/a:/dev/a:r", "i"],
    "cannot use --device /dev/a:/dev/a:r: without root, a device has the permissions that you have; leave :r out",
  ],
  [["-w", "work", "i"], 'cannot run in "work": the working folder must be an absolute path'],
  [
    ["--hostname", "a b", "i"],
    'cannot use --hostname "a b": a host name has up to 64 letters, digits, "-", "_" and "."',
  ],
  [
    ["--hostname", "a\n1.2.3.4 bank", "i"],
    'cannot use --hostname "a\\n1.2.3.4 bank": a host name has up to 64 letters, digits, "-", "_" and "."',
  ],
  [["--security-opt", "seccomp", "i"], "cannot use --security-opt seccomp: expected NAME=VALUE"],
  [
    ["--security-opt", "no-new-privileges=maybe", "i"],
    "cannot use --security-opt no-new-privileges=maybe: expected true or false",
  ],
  [
    ["--security-opt", "label=type:svirt_apache_t", "i"],
    "cannot use --security-opt label=type:svirt_apache_t: label is not built yet",
  ],
  [["--security-opt", "magic=on", "i"], 'cannot use --security-opt magic=on: there is no option "magic"'],
  [["--security-opt", "mask=proc/kcore", "i"], 'cannot use --security-opt: "proc/kcore" is not an absolute path'],
  [["--pids-limit", "many", "i"], "cannot use --pids-limit many: it is not a number"],
  [["--replace", "i"], "cannot use --replace without --name: it removes the container that has the name"],
  [["--cpu-shares", "1.5", "i"], "cannot use --cpu-shares 1.5: it is not a number"],
  [["--memory-swap", "1g", "i"], "cannot use --memory-swap without --memory: it limits both together"],
  [
    ["-m", "1g", "--memory-swap", "1m", "i"],
    "cannot use a --memory-swap that is less than --memory: it limits both together",
  ],
  [["-m", "1m", "--memory-reservation", "1g", "i"], "cannot use a --memory-reservation that is more than --memory"],
  [["--cpus", "1", "--cpu-quota", "5", "i"], "cannot use --cpus with --cpu-quota or --cpu-period: both say the same"],
  [["--oom-score-adj", "1001", "i"], "cannot use --oom-score-adj 1001: it is not between -1000 and 1000"],
  [["--umask", "0888", "i"], "cannot use --umask 0888: it is not an octal number such as 0022"],
  [["--label-file", "/nonexistent", "i"], "cannot read --label-file /nonexistent: no such file or directory"],
  [["--pull", "sometimes", "i"], "cannot use --pull sometimes: it is not one of missing, always, never, newer"],
  [["--pid", "container:", "i"], "cannot use --pid container:: it is not one of private, host, container:ID"],
  [
    ["--pid", "container:x", "--pod", "p", "i"],
    "cannot use --pid=container: with --pod: a container is in one user namespace, and those are two",
  ],
  [["--ipc", "shareable", "i"], "cannot use --ipc shareable: it is not one of private, host, none"],
  [["--ipc=none", "--shm-size=1m", "i"], "cannot use --shm-size with --ipc=none: there is no /dev/shm then"],
  [["--storage-driver", "zfs", "i"], "cannot use --storage-driver zfs: it is not one of overlay, fuse-overlayfs, copy"],
  ...["http", "0", "80-70", "80/sctp", "1.2.3.4:80"].map(
    (port) =>
      [
        ["--expose", port, "i"],
        `cannot use --expose ${port}: expected PORT[-PORT][/tcp|/udp], with ports from 1 to 65535`,
      ] as const,
  ),
  [["--label", "=x", "i"], "cannot use --label =x: the name is missing"],
  [
    ["--sysctl", "vm.swappiness=1", "i"],
    "cannot set --sysctl vm.swappiness: it is not of a namespace, so it would change the host",
  ],
];

test("--ipc=none is a namespace of its own, without /dev/shm", () => {
  const { linux, mounts } = specify(["--ipc=none", "i"]);
  expect(linux?.namespaces).toContainEqual({ type: "ipc" });
  const places = mounts?.map(({ destination }) => destination) ?? [];
  expect([places.includes("/dev/shm"), places.includes("/dev/mqueue")]).toEqual([false, true]);
});

test("what is empty is as if it had not been given, because scripts pass variables", () => {
  const given = options(["--name=", "--hostname=", "-w", "", "--platform=", "-u", "", "--uts=host", "i"]);
  for (const key of ["name", "hostname", "workdir", "platform", "user"] as const)
    expect([key, given[key]]).toEqual([key, undefined]);
});

test("no limit at all is nothing that a cgroup is needed for", () => {
  const resources = (...flags: string[]) => options([...flags, "i"]).resources;
  expect(resources("--pids-limit=-1")).toEqual({});
  expect(resources("--pids-limit=0", "--memory=0")).toEqual({});
  expect(resources("--pids-limit=5", "--pids-limit=-1", "-m", "1g", "-m", "-1")).toEqual({});
  expect(resources("--pids-limit=5", "--memory=0")).toEqual({ pids: { limit: 5 } });
});

describe("refused in one sentence", () => {
  for (const [flags, message] of REFUSED) {
    test(flags.join(" ").replace("\n", "\\n") || "(nothing)", () =>
      expect(refusal(() => specify(flags))).toBe(message),
    );
  }

  test("a path that is not masked cannot be unmasked without a word", () => {
    expect(refusal(() => specify(["--security-opt", "unmask=/proc", "i"]))).toStartWith(
      "cannot use --security-opt unmask=/proc: it is not masked; /proc/acpi, ",
    );
  });

  test("an AppArmor profile is the process's; what is so anyway may be asked for", () => {
    const profile = (...given: string[]) =>
      specify([...given.flatMap((option) => ["--security-opt", option]), "i", "x"]).process?.apparmorProfile;
    expect(profile("apparmor=docker-default")).toBe("docker-default");
    expect(profile("apparmor:docker-default", "label:disable")).toBe("docker-default");
    expect(profile("apparmor=unconfined", "label=disable")).toBeUndefined();
  });

  test("--cgroupns=host leaves the view of cgroups as it is", () => {
    const kinds = (...flags: string[]) => specify([...flags, "i", "x"]).linux?.namespaces?.map(({ type }) => type);
    expect(kinds("--cgroupns=host")).not.toContain("cgroup");
    expect(kinds("--cgroupns=private")).toEqual(kinds());
    expect(kinds()).toContain("cgroup");
  });

  test("labels come from files, too; the command line counts more", () => {
    using folder = temporaryFolder();
    writeFileSync(`${folder.path}/labels`, "# what\n\na=1\n  b=x = y\nc\n");
    expect(options(["--label-file", `${folder.path}/labels`, "--label", "a=2", "i"]).labels).toEqual({
      a: "2",
      b: "x = y",
      c: "",
    });
  });

  test("groups cannot be added where only one id is mapped", () => {
    const mapping = { ...CONTEXT.mapping, kind: "single" as const, name: "single" };
    expect(refusal(() => specify(["--group-add", "audio", "i"], { context: { mapping } }))).toStartWith(
      "cannot use --group-add: only your own id is mapped",
    );
  });

  test("a file of variables that is not there", () => {
    expect(existsSync("/nonexistent")).toBe(false);
    expect(refusal(() => specify(["--env-file", "/nonexistent/env", "i"]))).toBe(
      "cannot read --env-file /nonexistent/env: no such file or directory",
    );
  });
});
