/** `--log-driver=journald` with a real journal, which only root can start: in a mount namespace of its own. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { busybox, writeBusyboxLayout } from "../support/busybox-image.ts";
import { executable, program, type Requirement, requires, root } from "../support/skip.ts";
import { Person, TSBOX } from "../support/tsbox.ts";

const JOURNALD = "/lib/systemd/systemd-journald";
const journald: Requirement = { what: JOURNALD, inCI: false, met: () => existsSync(JOURNALD) };

const SCRIPT = `
mount --make-rprivate /
mkdir -p /run/systemd /run/log
mount -t tmpfs tmpfs /run/systemd
mount -t tmpfs tmpfs /run/log
mkdir -p /run/systemd/journal /run/log/journal
${JOURNALD} &
journal=$!
trap 'kill $journal' EXIT
for i in $(seq 400); do [ -S /run/systemd/journal/socket ] && break; sleep 0.05; done
"$TSBOX" run -d --network=none --name box --log-driver journald --log-opt tag=mine "$IMAGE" \\
  sh -c 'echo out; echo err >&2; printf "a\\001\\377 no end"' >/dev/null
"$TSBOX" wait box >/dev/null
for i in $(seq 400); do [ "$("$TSBOX" logs box 2>&1 | wc -c)" -ge 17 ] && break; sleep 0.05; done
"$TSBOX" logs box
echo "--"
journalctl --no-pager -o cat --output-fields=SYSLOG_IDENTIFIER CONTAINER_NAME=box PRIORITY=3
"$TSBOX" rm -f box >/dev/null
`;

requires(
  root,
  executable,
  busybox,
  program("journalctl"),
  program("unshare"),
  journald,
)("the journal has what a container writes, and logs reads it back", async () => {
  using person = new Person();
  const image = writeBusyboxLayout(person.folder.join("layout"));
  const env = { ...person.env, TSBOX, IMAGE: image };
  const { stdout, stderr } = Bun.spawnSync(["unshare", "--mount", "bash", "-c", SCRIPT], { env, timeout: 60_000 });
  const [logs = "", fields] = stdout.toString("latin1").split("--\n");
  expect(logs).toBe("out\na\x01\xff no end");
  expect(stderr.toString()).toContain("err\n");
  expect(fields).toBe("mine\n");
});
