/** How a container's health is found out: its own options, the image's HEALTHCHECK, Docker's defaults. */
import type { ContainerDefaults } from "../oci/index.ts";
import type { HealthCheck } from "../runtime/index.ts";
import type { RunOptions } from "./spec/options.ts";

/** Docker's, in milliseconds. */
const DEFAULTS = { interval: 30_000, timeout: 30_000, retries: 3, startPeriod: 0, startInterval: 5000 };
/** The images' times are in nanoseconds. */
const NANOSECONDS = 1e6;

/** The test as an image has it, `["CMD", ...]` or `["CMD-SHELL", text]`; undefined when there is none. */
export function healthTest({ health }: RunOptions, defaults: ContainerDefaults): readonly string[] | undefined {
  const test = health?.test ?? defaults.Healthcheck?.Test ?? [];
  return test.length === 0 || test[0] === "NONE" ? undefined : test;
}

/** @param path the file that tells how it goes */
export function healthCheck(options: RunOptions, defaults: ContainerDefaults, path: string): HealthCheck | undefined {
  const test = healthTest(options, defaults);
  if (test === undefined) return undefined;
  const image = defaults.Healthcheck;
  const pick = (own: number | undefined, theirs: number | null | undefined, standard: number) =>
    own ?? (theirs ? Math.max(Math.round(theirs / NANOSECONDS), 1) : standard);
  const { health } = options;
  const [kind, ...words] = test;
  return {
    args: kind === "CMD-SHELL" ? ["/bin/sh", "-c", words.join(" ")] : words,
    times: {
      interval: pick(health?.interval, image?.Interval, DEFAULTS.interval),
      timeout: pick(health?.timeout, image?.Timeout, DEFAULTS.timeout),
      retries: health?.retries || image?.Retries || DEFAULTS.retries,
      startPeriod: pick(health?.startPeriod, image?.StartPeriod, DEFAULTS.startPeriod),
      startInterval: pick(health?.startInterval, image?.StartInterval, DEFAULTS.startInterval),
    },
    path,
  };
}
