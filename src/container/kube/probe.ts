/** `livenessProbe` as a health check. */
import type { HealthOptions } from "../spec/options.ts";
import type { Fields } from "./fields.ts";

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Times are seconds; Kubernetes' defaults. A command that does not exist in the image fails, so the one or the other is tried. */
export function readProbe(container: Fields, ports: ReadonlyMap<string, number>): HealthOptions | undefined {
  const probe = container.object("livenessProbe");
  if (probe === undefined) return undefined;
  const test = execTest(probe) ?? httpTest(probe, ports) ?? tcpTest(probe, ports);
  if (test === undefined) {
    probe.end();
    throw probe.fail(undefined, "expected exec, httpGet or tcpSocket");
  }
  const seconds = (key: string, standard: number) => Math.max(probe.number(key) ?? standard, 0) * 1000;
  const health = {
    test,
    interval: seconds("periodSeconds", 10) || 10_000,
    timeout: seconds("timeoutSeconds", 1) || 1000,
    retries: probe.number("failureThreshold") || 3,
    startPeriod: seconds("initialDelaySeconds", 0),
    startInterval: undefined,
  };
  // of a liveness probe there is no other
  probe.accept({ successThreshold: [1] });
  probe.end();
  return health;
}

function execTest(probe: Fields): readonly string[] | undefined {
  const exec = probe.object("exec");
  if (exec === undefined) return undefined;
  const command = exec.texts("command") ?? [];
  if (command.length === 0) throw exec.fail("command", "it is missing");
  exec.end();
  return ["CMD", ...command];
}

function httpTest(probe: Fields, ports: ReadonlyMap<string, number>): readonly string[] | undefined {
  const get = probe.object("httpGet");
  if (get === undefined) return undefined;
  const scheme = (get.oneOf("scheme", ["HTTP", "HTTPS"]) ?? "HTTP").toLowerCase();
  const host = get.text("host") ?? "localhost";
  const path = get.text("path") ?? "/";
  const url = `${scheme}://${host}:${portOf(get, ports)}${path.startsWith("/") ? path : `/${path}`}`;
  const headers = get.objects("httpHeaders").map((header) => {
    const line = `${header.requiredText("name")}: ${header.text("value") ?? ""}`;
    header.end();
    return line;
  });
  get.end();
  const curl = ["curl", "-fsSk", "-o", "/dev/null", ...headers.flatMap((line) => ["-H", quoted(line)]), quoted(url)];
  const wget = ["wget", "-q", "-O", "/dev/null", ...headers.map((line) => `--header=${quoted(line)}`), quoted(url)];
  return ["CMD-SHELL", `if command -v curl >/dev/null; then ${curl.join(" ")}; else ${wget.join(" ")}; fi`];
}

function tcpTest(probe: Fields, ports: ReadonlyMap<string, number>): readonly string[] | undefined {
  const socket = probe.object("tcpSocket");
  if (socket === undefined) return undefined;
  const host = quoted(socket.text("host") ?? "localhost");
  const port = portOf(socket, ports);
  socket.end();
  const bash = `bash -c 'exec 3<>/dev/tcp/"$0"/${port}' ${host}`;
  return ["CMD-SHELL", `if command -v nc >/dev/null; then nc -z ${host} ${port} </dev/null; else ${bash}; fi`];
}

/** A number, or the name of one of the container's ports. */
function portOf(fields: Fields, ports: ReadonlyMap<string, number>): number {
  const text = fields.scalar("port") ?? "";
  const number = ports.get(text) ?? Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw fields.fail("port", `${JSON.stringify(text)} is neither a port nor the name of one of the container's`);
}
