/** `tsbox run` through the executable, in real containers. */
import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { freePort } from "../support/free-port.ts";
import { TSBOX } from "../support/tsbox.ts";
import { until } from "./detached/host.ts";
import { box, test } from "./images.ts";

const it = box();
const sh = (script: string) => ["sh", "-c", script];

describe("isolation", () => {
  test("the program is process 1 and sees no other process", async () => {
    expect(await it.output([], sh("echo $$; ls -d /proc/[0-9]* | wc -l"))).toMatch(/^1\n[23]$/);
  });

  test("root in the container is the caller, and other ids are subordinate", async () => {
    const [first, second] = (await it.output([], ["cat", "/proc/self/uid_map"]))
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    expect(first).toEqual(["0", String(process.getuid?.()), "1"]);
    expect(Number(second?.[2])).toBeGreaterThanOrEqual(65536);
  });

  test("a host name of its own, which --hostname sets", async () => {
    expect(await it.output([], ["hostname"])).toMatch(/^[0-9a-f]{12}$/);
    expect(await it.output(["--hostname", "box"], sh("hostname; cat /etc/hostname"))).toBe("box\nbox");
  });

  test("the usual devices and links are in /dev, and writing to them works", async () => {
    expect(
      await it.output(
        [],
        sh(
          "echo x > /dev/null; head -c 3 /dev/zero | wc -c; ls -l /dev/fd | sed 's/.*-> //'; test -c /dev/tty && echo tty",
        ),
      ),
    ).toBe("3\n/proc/self/fd\ntty");
  });

  test("/sys and the kernel's settings are read-only, and what tells about the host is masked", async () => {
    const script =
      "touch /sys/x; echo 1 > /proc/sys/kernel/sysrq; cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l";
    expect((await it.run([], sh(script))).stdout).toBe("0\n0\n");
  });

  test("only standard input, output and error are open", async () => {
    // nothing piped: while a shell starts a pipeline it has the pipe's ends open itself; the second command keeps it a shell
    expect(await it.output([], sh("ls /proc/$$/fd; true"))).toBe("0\n1\n2");
  });

  test("no_new_privs, a seccomp filter and Docker's capabilities are on", async () => {
    const status = await it.output(
      [],
      ["grep", "-E", "^(CapEff|CapBnd|CapInh|CapAmb|NoNewPrivs|Seccomp):", "/proc/self/status"],
    );
    expect(Object.fromEntries(status.split("\n").map((line) => line.split(":\t")))).toEqual({
      CapInh: "0000000000000000",
      CapEff: "00000000a80425fb",
      CapBnd: "00000000a80425fb",
      CapAmb: "0000000000000000",
      NoNewPrivs: "1",
      Seccomp: "2",
    });
  });

  test("with --network=none there is only the loopback device, and it is up", async () => {
    expect(await it.output([], sh("ls /sys/class/net; ping -c 1 -W 2 127.0.0.1 > /dev/null && echo up"))).toBe(
      "lo\nup",
    );
  });
});

describe("the command line", () => {
  test("an image is meant by its id too, or by the beginning of it", async () => {
    await it.output([], ["true"]);
    const id = (await it.person.run(["images", "-q"])).stdout.trim().split("\n")[0] ?? "";
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    for (const name of [id, id.slice(0, 5)])
      expect((await it.person.run(["run", "--rm", "--network=none", name, "echo", "by id"])).stdout).toBe("by id\n");
    expect((await it.person.run(["run", "--rm", "--pull=never", "fffff", "true"])).exitCode).toBe(125);
  });

  test("everything after the image's name belongs to the container", async () => {
    expect(await it.output([], ["echo", "--help", "-l", "--rm", "--", "-x"])).toBe("--help -l --rm -- -x");
  });

  test("entrypoint and command combine as in Docker", async () => {
    const image = it.make("entry", { config: { Entrypoint: ["echo", "entry"], Cmd: ["cmd"], Env: ["PATH=/bin"] } });
    const run = (flags: string[], command: string[]) =>
      it.person.ok(["run", "--rm", "--network=none", ...flags, image, ...command]);
    expect(await run([], [])).toBe("entry cmd\n");
    expect(await run([], ["x"])).toBe("entry x\n");
    expect(await run(["--entrypoint", "printf"], ["hi"])).toBe("hi");
    expect(await run(["--entrypoint", ""], ["echo", "bare"])).toBe("bare\n");
  });

  test("the image's environment, working folder and user count, and flags win over them", async () => {
    const image = it.make("defaults", {
      config: { Env: ["PATH=/bin", "A=image", "B=image"], WorkingDir: "/made/here", User: "guest" },
    });
    const script = "echo $A $B $HOME; pwd; id -u";
    expect(await it.person.ok(["run", "--rm", "--network=none", "-e", "A=flag", image, ...sh(script)])).toBe(
      "flag image /home/guest\n/made/here\n1000\n",
    );
    expect(
      await it.person.ok(["run", "--rm", "--network=none", "-w", "/tmp", "-u", "0", image, ...sh("pwd; id -u")]),
    ).toBe("/tmp\n0\n");
  });

  test("nothing of the caller's environment comes in, unless it is named", async () => {
    const options = { env: { SECRET: "s3cret", WANTED: "yes" } };
    const env = await it.output(["-e", "WANTED", "-e", "ABSENT"], ["env"], options);
    expect(env).toContain("WANTED=yes");
    expect(env).not.toMatch(/SECRET|ABSENT|XDG_|s3cret/);
  });

  test("--env-file takes lines as they are", async () => {
    const file = it.person.folder.join("env");
    writeFileSync(file, '# comment\n\nA=1 2 "3"\nB=\n');
    expect(await it.output(["--env-file", file], sh('echo "$A|$B|"'))).toBe('1 2 "3"||');
  });

  test("users and groups are looked up in the image", async () => {
    expect(await it.output(["-u", "guest"], ["id"])).toBe(
      "uid=1000(guest) gid=1000(guest) groups=100(users),1000(guest)",
    );
    expect(await it.output(["-u", "1000:daemon"], ["id", "-g"])).toBe("1");
    expect(await it.output(["-u", "12345"], ["id", "-u"])).toBe("12345");
    expect(
      await it.output(["-u", "guest", "--group-add", "daemon"], sh("id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '")),
    ).toBe("1 100 1000 ");
  });

  test("limits, kernel parameters and the size of /dev/shm are set", async () => {
    const flags = ["--ulimit", "nofile=100:200", "--sysctl", "net.ipv4.ip_forward=1", "--shm-size", "8m"];
    const script =
      "ulimit -Sn; ulimit -Hn; cat /proc/sys/net/ipv4/ip_forward; df -k /dev/shm | tail -1 | awk '{print $2}'";
    expect(await it.output(flags, sh(script))).toBe("100\n200\n1\n8192");
  });

  test("--cap-drop and --cap-add change the set", async () => {
    const effective = (flags: string[]) => it.output(flags, ["sed", "-n", "s/^CapEff:\\t//p", "/proc/self/status"]);
    expect(await effective(["--cap-drop", "ALL"])).toBe("0000000000000000");
    expect(await effective(["--cap-drop", "ALL", "--cap-add", "CHOWN"])).toBe("0000000000000001");
    expect(await effective(["--cap-add", "SYS_PTRACE"])).toBe("00000000a80c25fb");
  });

  test("--init puts a reaper at process 1", async () => {
    const script =
      "(sleep 0.05 &); for i in $(seq 100); do sleep 0.1; n=$(ps -o stat,comm | grep -c -e Z -e sleep); [ $n = 0 ] && break; done; cat /proc/1/comm; echo $n";
    expect((await it.run(["--init"], sh(script))).stdout).toMatch(/tsbox|memfd/);
    expect((await it.run(["--init"], sh(script))).stdout).toMatch(/\n0\n$/);
  });

  test("--cidfile writes the id and refuses a file that is there", async () => {
    const file = it.person.folder.join("cid");
    await it.output(["--cidfile", file], ["true"]);
    expect(readFileSync(file, "utf8")).toMatch(/^[0-9a-f]{64}$/);
    const again = await it.run(["--cidfile", file], ["true"]);
    expect(again.exitCode).toBe(125);
    expect(again.stderr).toContain("--cidfile");
  });

  test("--explain prints the plan and runs nothing", async () => {
    const { exitCode, stdout } = await it.run(["--explain"], sh("echo ran"));
    expect(exitCode).toBe(0);
    expect(stdout).toContain("pivot_root");
    expect(stdout).toContain('argv=["sh", "-c", "echo ran"]');
    expect(stdout).not.toMatch(/^ran$/m);
    expect(readdirSync(`${it.person.storage}/containers`).filter((name) => name !== "names")).toEqual([]);
  });
});

describe("exit status", () => {
  const cases: [string, string[], number][] = [
    ["is the program's", sh("exit 7"), 7],
    ["is 127 for a program that is not there", ["nonexistent"], 127],
    ["is 126 for a file that is not executable", ["/etc/passwd"], 126],
    ["is 126 for a folder", ["/etc"], 126],
    ["is 128 and the number for a program killed by a signal", sh("kill -KILL $$"), 137],
  ];
  for (const [claim, command, status] of cases) {
    test(claim, async () => {
      const { exitCode, stderr } = await it.run(["--init"], command);
      expect(exitCode).toBe(status);
      if (status === 126 || status === 127) expect(stderr).toMatch(/^tsbox: cannot run "[^"]+": .+\n$/);
    });
  }

  // whose helper is ended first, which must not be told instead
  for (const network of ["none", "pasta", "slirp4netns"])
    test(`is 127 for a script whose interpreter is missing, which is said with --network=${network} too`, async () => {
      const script = it.person.folder.join("script");
      writeFileSync(script, "#!/no/interpreter\n", { mode: 0o755 });
      const words = ["run", "--rm", `--network=${network}`, "-v", `${script}:/script`, it.image, "/script"];
      expect(await it.person.run(words)).toMatchObject({
        exitCode: 127,
        stderr:
          'tsbox: cannot run "/script": the interpreter or loader that it names does not exist in the container\n',
      });
    });

  test("is 125 for a flag that there is not, with the one that was meant", async () => {
    const { exitCode, stderr } = await it.run(["--hostnam", "x"], ["true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toContain("did you mean --hostname?");
  });
});

describe("streams", () => {
  test("input and output are passed through byte for byte", async () => {
    const bytes = new Uint8Array(300_000).map((_, i) => (i * 7919) & 0xff);
    const child = it.person.spawn(["run", "--rm", "-i", "--network=none", it.image, "cat"]);
    child.stdin.write(bytes);
    await child.stdin.end();
    expect(new Uint8Array(await new Response(child.stdout).arrayBuffer())).toEqual(bytes);
    expect(await child.exited).toBe(0);
  });

  test("without -i the program reads end of file", async () => {
    expect(await it.output([], sh("cat | wc -c"), { stdin: "ignored" })).toBe("0");
  });

  test("another user than root can open /dev/stdout when it is a pipe", async () => {
    await it.output([], ["true"]);
    const command = [
      TSBOX,
      "run",
      "--rm",
      "--network=none",
      "-u",
      "1000:1000",
      it.image,
      ...sh("echo out > /dev/stdout"),
    ];
    // what Bun calls pipes are sockets, which nobody can open
    const piped = Bun.spawnSync(["sh", "-c", '"$@" 2>&1 | cat', "sh", ...command], {
      env: it.person.env,
      stdin: "ignore",
    });
    expect(piped.stdout.toString()).toBe("out\n");
  });

  test("standard error stays apart from standard output", async () => {
    const { stdout, stderr } = await it.run([], sh("echo out; echo err >&2"));
    expect({ stdout, stderr }).toEqual({ stdout: "out\n", stderr: "err\n" });
  });

  test("-it on a pipe is refused", async () => {
    const { exitCode, stderr } = await it.run(["-it"], ["true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toContain("not a terminal");
  });

  test("-t alone gives the program a terminal, wherever its output goes", async () => {
    const { stdout, stderr, exitCode } = await it.run(["-t"], sh("tty; tty <&1; tty <&2; seq 20000; exit 5"));
    const lines = stdout.split("\r\n");
    expect({ stderr, exitCode, terminals: lines.slice(0, 3) }).toEqual({
      stderr: "",
      exitCode: 5,
      terminals: Array(3).fill("/dev/pts/0"),
    });
    expect(lines.slice(3)).toEqual([...Array.from({ length: 20000 }, (_, i) => String(i + 1)), ""]);
  });
});

describe("signals and ends", () => {
  test("a signal to tsbox reaches the program", async () => {
    const child = it.person.spawn([
      "run",
      "--rm",
      "--network=none",
      it.image,
      ...sh('trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.05; done'),
    ]);
    const reader = child.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
    child.kill("SIGTERM");
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("got\n");
    expect(await child.exited).toBe(3);
  });

  test("SIGKILL of tsbox takes the container along", async () => {
    // nobody else's
    const sleep = `sleep ${1_000_000 + process.pid}`;
    const child = it.person.spawn(["run", "--rm", "--network=none", it.image, ...sh(`echo ready; exec ${sleep}`)]);
    await child.stdout.getReader().read();
    const running = () => Bun.spawnSync(["pgrep", "-f", `^${sleep}$`]).stdout.toString();
    expect(running()).not.toBe("");
    child.kill("SIGKILL");
    await child.exited;
    await until("it is gone", () => running() === "");
  });

  test("--rm leaves nothing, files of subordinate ids included", async () => {
    const before = readdirSync(`${it.person.storage}/containers`);
    await it.output(["-u", "guest"], sh("mkdir /tmp/d && touch /tmp/d/f && chmod 0 /tmp/d"));
    expect(readdirSync(`${it.person.storage}/containers`)).toEqual(before);
  });
});

describe("mounts", () => {
  test("a bound folder is the host's, and read-only when asked for", async () => {
    const folder = it.person.folder.join("data");
    mkdirSync(folder);
    writeFileSync(`${folder}/in`, "hello");
    expect(await it.output(["-v", `${folder}:/data`], sh("cat /data/in; echo out > /data/out"))).toBe("hello");
    expect(readFileSync(`${folder}/out`, "utf8")).toBe("out\n");
    const { stdout } = await it.run(["-v", `${folder}:/data:ro`], sh("echo x > /data/y || echo refused"));
    expect(stdout).toBe("refused\n");
    expect(existsSync(`${folder}/y`)).toBeFalse();
  });

  test("a bound file replaces one, also where the image has none", async () => {
    const file = it.person.folder.join("file");
    writeFileSync(file, "bound");
    expect(
      await it.output(
        ["-v", `${file}:/etc/passwd`, "-v", `${file}:/new/deep/file`],
        ["cat", "/etc/passwd", "/new/deep/file"],
      ),
    ).toBe("boundbound");
  });

  test("--mount and --tmpfs take Docker's words", async () => {
    const folder = it.person.folder.join("data2");
    mkdirSync(folder);
    const flags = [
      "--mount",
      `type=bind,source=${folder},target=/m,readonly`,
      "--tmpfs",
      "/t:size=1m,mode=700",
      "--mount",
      "type=tmpfs,dst=/u,tmpfs-size=2m",
    ];
    const script = "touch /m/x 2> /dev/null || echo ro; stat -c %a /t; df -k /t /u | awk 'NR>1 {print $2}'";
    expect(await it.output(flags, sh(script))).toBe("ro\n700\n1024\n2048");
  });

  test("a source that is missing is one sentence, and nothing is made", async () => {
    const { exitCode, stderr } = await it.run(["-v", "/nonexistent/here:/x"], ["true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toBe(
      "tsbox: cannot use -v /nonexistent/here:/x: /nonexistent/here: no such file or folder on the host\n",
    );
  });

  test("files of flags that cannot be read or written are said in people's words", async () => {
    const failure = async (...flags: string[]) => (await it.run(flags, ["true"])).stderr;
    expect(await failure("--security-opt", "seccomp=/nonexistent")).toBe(
      "tsbox: cannot use --security-opt seccomp=/nonexistent: no such file or directory\n",
    );
    expect(await failure("--cidfile", "/etc/passwd")).toBe("tsbox: cannot write --cidfile /etc/passwd: file exists\n");
    expect(await failure("--env-file", "/nonexistent")).toBe(
      "tsbox: cannot read --env-file /nonexistent: no such file or directory\n",
    );
  });

  test("a limit that only root may set is said in words, and what it takes", async () => {
    const { exitCode, stderr } = await it.run(["--ulimit", "nofile=-1"], ["true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toBe(
      "tsbox: cannot set RLIMIT_NOFILE to unlimited:unlimited: operation not permitted; only root may raise a limit above the hard one of whoever starts tsbox (ulimit -H -a)\n",
    );
  });

  test("--device takes devices, not any file", async () => {
    const { exitCode, stderr } = await it.run(["--device", "/etc/passwd"], ["true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toBe("tsbox: cannot use --device /etc/passwd: /etc/passwd is not a device\n");
    expect(await it.output(["--device", "/dev/null:/dev/nothing"], sh("test -c /dev/nothing && echo device"))).toBe(
      "device",
    );
  });

  test("with --read-only nothing can be written but what is meant for it", async () => {
    const image = it.make("volumes", { config: { Cmd: ["sh"], Env: ["PATH=/bin"], Volumes: { "/var/data": {} } } });
    const script = "touch /x 2> /dev/null || echo root; touch /var/data/x && echo volume; touch /t/x && echo tmpfs";
    expect(
      await it.person.ok(["run", "--rm", "--network=none", "--read-only", "--tmpfs", "/t", image, ...sh(script)]),
    ).toBe("root\nvolume\ntmpfs\n");
  });
});

describe("--rootfs", () => {
  test("the host's own root can be one", async () => {
    const script =
      "echo $$; test -c /dev/null && test ! -e /dev/kmsg && echo own devices; test -x /usr/bin/env && echo there";
    expect(
      await it.person.ok(["run", "--rm", "--network=none", "--rootfs", "/", "--read-only", "/bin/sh", "-c", script]),
    ).toBe("1\nown devices\nthere\n");
  });
});

describe("tsbox in a container of tsbox", () => {
  const nested = (flags: readonly string[]) => {
    const layout = it.image.split(":")[1];
    const outer = ["--rootfs=/", "--read-only", "--tmpfs=/mnt:exec", "-v", `${layout}:/mnt/image`];
    const env = ["-e", "HOME=/mnt", "-e", "XDG_RUNTIME_DIR=/mnt", "-e", `PATH=${process.env.PATH}`];
    const inner = [TSBOX, "run", "--rm", "--network=none", "-q", "oci:/mnt/image:latest", "hostname"];
    return it.person.run(["run", "--rm", "--network=none", ...flags, ...env, ...outer, ...inner]);
  };

  test("runs containers when it is privileged", async () => {
    const { stdout, stderr, exitCode } = await nested(["--privileged"]);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: expect.stringMatching(/^[0-9a-f]{12}\n$/),
      stderr: "",
      exitCode: 0,
    });
  });

  test("says otherwise what is in its way", async () => {
    const { stderr, exitCode } = await nested([]);
    expect(stderr).toMatch(/^tsbox: cannot .*seccomp.*--privileged.*\n$/);
    expect(exitCode).toBe(125);
  });
});

describe("names", () => {
  test("a name in use is refused by who has it", async () => {
    const child = it.person.spawn([
      "run",
      "--rm",
      "--name",
      "mine",
      "--network=none",
      it.image,
      ...sh("echo ready; exec sleep 30"),
    ]);
    await child.stdout.getReader().read();
    const { exitCode, stderr } = await it.run(["--name", "mine"], ["true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toMatch(/^tsbox: cannot use name "mine": the container [0-9a-f]{12} has it/);
    child.kill("SIGKILL");
    await child.exited;
  });

  test("a name that could be a path is refused", async () => {
    expect((await it.run(["--name", "../x"], ["true"])).stderr).toContain('cannot use name "../x"');
  });
});

describe("--network=container:", () => {
  test("two containers share a network, and nothing else", async () => {
    const first = it.person.spawn([
      ...["run", "--rm", "--name", "server", "--network=none", it.image],
      ...sh("echo ready; echo served | nc -l -p 8080; sleep 5"),
    ]);
    await first.stdout.getReader().read();
    const flags = ["run", "--rm", "--network=container:server"];
    const script =
      "for i in $(seq 200); do nc 127.0.0.1 8080 < /dev/null 2> /dev/null && break; sleep 0.1; done; ls -d /proc/[0-9]* | wc -l; id -u";
    const { stdout, stderr, exitCode } = await it.person.run([...flags, it.image, ...sh(script)]);
    expect({ stdout: stdout.replace(/[23]\n0\n$/, "N\n0\n"), stderr, exitCode }).toEqual({
      stdout: "served\nN\n0\n",
      stderr: "",
      exitCode: 0,
    });
    first.kill("SIGKILL");
    await first.exited;
    const gone = await it.person.run([...flags, it.image, "true"]);
    expect(gone.exitCode).toBe(125);
    expect(gone.stderr).toContain("container:server");
  });
});

describe("--pid=container:", () => {
  test("two containers see each other's processes, and nothing else of each other", async () => {
    const first = it.person.spawn([
      ...["run", "--rm", "--name", "watched", "--network=none", it.image],
      ...sh("echo of the first > /only; echo ready; exec sleep 4243"),
    ]);
    const reader = first.stdout.getReader();
    await reader.read();
    const join = (flags: readonly string[], script: string) =>
      it.person.run(["run", "--rm", "--pid=container:watched", ...flags, it.image, ...sh(script)]);
    const seen = await join(["--network=none"], "cat /proc/1/cmdline | tr '\\0' ' '; ls /only; exit 4");
    expect(seen.stdout).toBe("sleep 4243 ");
    expect(seen.exitCode).toBe(4);
    const [own, others] = (
      await join(["--network=container:watched"], "for id in self 1; do readlink /proc/$id/ns/net; done")
    ).stdout.split("\n");
    expect(own).toBe(others ?? "");
    const pasta = await join(["--network=pasta"], "true");
    expect(pasta).toMatchObject({ exitCode: 125, stdout: "" });
    expect(pasta.stderr).toMatch(/^tsbox: cannot use --network=pasta with the process ids of other containers: .*\n$/);
    // the kernel ends everybody with the first process of a pid namespace
    const second = it.person.spawn([
      ...["run", "--rm", "--network=none", "--pid=container:watched", it.image],
      ...sh("echo ready; exec sleep 4244"),
    ]);
    await second.stdout.getReader().read();
    first.kill("SIGKILL");
    await first.exited;
    expect(await second.exited).toBe(137);
    const gone = await join(["--network=none"], "true");
    expect({ exitCode: gone.exitCode, stdout: gone.stdout }).toEqual({ exitCode: 125, stdout: "" });
  });
});

describe("published ports", () => {
  for (const network of ["pasta", "slirp4netns"]) {
    test(`a client on the host reaches a server in the container through ${network}`, async () => {
      const port = freePort();
      const script = `mkdir /w; echo via-${network} > /w/index.html; httpd -f -p 80 -h /w`;
      const child = it.person.spawn([
        "run",
        "--rm",
        `--network=${network}`,
        "-p",
        `127.0.0.1:${port}:80`,
        it.image,
        ...sh(script),
      ]);
      let answer = "";
      for (let attempt = 0; attempt < 200 && answer === ""; attempt++) {
        await Bun.sleep(100);
        const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) }).catch(
          () => undefined,
        );
        answer = (await response?.text()) ?? "";
      }
      child.kill("SIGKILL");
      await child.exited;
      expect(answer).toBe(`via-${network}\n`);
    });
  }
});
