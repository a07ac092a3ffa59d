/** HEALTHCHECK of a Dockerfile: docs.docker.com/reference/dockerfile. */
import { TsboxError } from "../../error.ts";
import type { Healthcheck } from "../../oci/index.ts";

const TIMES: Readonly<Record<string, "Interval" | "Timeout" | "StartPeriod" | "StartInterval">> = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
};

/** Nanoseconds of Go's units. */
const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function fail(text: string, reason: string): TsboxError {
  return new TsboxError("usage", `cannot use --change HEALTHCHECK ${text}: ${reason}`);
}

/** @param text what follows the word HEALTHCHECK. @throws TsboxError `usage` */
export function changeHealthcheck(text: string): Healthcheck {
  const options: Partial<Record<"Interval" | "Timeout" | "StartPeriod" | "StartInterval" | "Retries", number>> = {};
  let rest = text.trim();
  for (let match = option(rest); match !== null; match = option(rest)) {
    const [whole, name = "", value = ""] = match;
    const key = TIMES[name];
    if (key !== undefined) options[key] = duration(text, value);
    else if (name === "retries" && /^\d+$/.test(value)) options.Retries = Number(value);
    else throw fail(text, `there is no option --${name}=${value}`);
    rest = rest.slice(whole.length).trimStart();
  }
  if (/^none$/i.test(rest)) return { Test: ["NONE"] };
  const command = /^cmd\s+([\s\S]+)$/i.exec(rest)?.[1];
  if (command === undefined) throw fail(text, "write CMD and a command, or NONE");
  if (!command.startsWith("[")) return { Test: ["CMD-SHELL", command], ...options };
  try {
    const words: unknown = JSON.parse(command);
    if (Array.isArray(words) && words.every((word) => typeof word === "string"))
      return { Test: ["CMD", ...words], ...options };
  } catch {
    // said below
  }
  throw fail(text, "the command is not a JSON list of texts");
}

function option(text: string): RegExpExecArray | null {
  return /^--([a-z-]+)=(\S+)/.exec(text);
}

/** `1m30s` in nanoseconds. */
function duration(text: string, value: string): number {
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== value) throw fail(text, `${value} is no time`);
  return Math.round(parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (UNITS[unit] ?? 0), 0));
}
