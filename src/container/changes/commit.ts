/** `tsbox commit`: a container's changes as an image of their own. */
import { TsboxError } from "../../error.ts";
import { applyChanges, type CommitOptions, commitImage } from "../../image/commit/index.ts";
import { compileHotCode } from "../../linux/engine.ts";
import type { ContainerDefaults, Digest, Healthcheck } from "../../oci/index.ts";
import type { Store } from "../../store/index.ts";
import { event } from "../events.ts";
import type { SavedOptions } from "../options-file.ts";
import { mergeEnv } from "../spec/environment.ts";
import type { HealthOptions } from "../spec/options.ts";
import { startFilesWorker } from "../start-files-worker.ts";
import { containerState } from "../state.ts";
import { changesJob } from "./list.ts";

export interface CommitRequest extends Pick<CommitOptions, "author" | "comment" | "format" | "name"> {
  /** Instructions of a Dockerfile. */
  readonly changes: readonly string[];
  /** Whether it is held up meanwhile, so that its files are of one moment; absent: where that can be done. */
  readonly pause: boolean | undefined;
}

/** @returns the image's id. @throws TsboxError */
export async function commitContainer(store: Store, id: string, request: CommitRequest): Promise<Digest> {
  compileHotCode();
  const { record, root, job } = changesJob(store.root, id, "commit");
  const { needs } = record;
  if (needs === undefined) throw new TsboxError("internal", `cannot commit ${id}: it does not say what its image is`);
  // a mistake in one of them is told before anything is done
  applyChanges({}, request.changes);
  const resume = await pause(store.root, id, request.pause);
  try {
    const ownersRecorded = root.mapping.kind === "single";
    const worker = startFilesWorker(
      { kind: "layer", ownersRecorded, ...job },
      { mapping: root.mapping, input: "ignore", output: "pipe" },
    );
    const image = await commitImage({
      store,
      base: needs.manifest,
      layer: whole(worker.output, () => worker.finish()),
      config: (base) => applyChanges(ownConfig(base, root.saved), request.changes),
      author: request.author,
      comment: request.comment,
      createdBy: record.command.join(" "),
      format: request.format,
      name: request.name,
    });
    event(store.root, record, "commit");
    return image;
  } finally {
    await resume();
  }
}

/** @returns what lets it go on */
async function pause(store: string, id: string, asked: boolean | undefined): Promise<() => Promise<void>> {
  const nothing = async () => {};
  const { readRecord } = await import("../state.ts");
  const { status, pid, cgroup } = containerState(store, readRecord(store, id));
  if (asked === false || status !== "running" || pid === 0 || (cgroup === undefined && asked === undefined))
    return nothing;
  const { pauseContainer } = await import("../pause.ts");
  await pauseContainer(store, id, true);
  const resume = () => pauseContainer(store, id, false);
  // somebody who interrupts the commit wants the container to go on; after SIGKILL `tsbox unpause` does it
  const interrupted = (signal: NodeJS.Signals) => {
    for (const each of SIGNALS) process.off(each, interrupted);
    resume().finally(() => process.kill(process.pid, signal));
  };
  for (const each of SIGNALS) process.on(each, interrupted);
  return async () => {
    for (const each of SIGNALS) process.off(each, interrupted);
    await resume();
  };
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The archive of a worker, whose failure is a failure here: what came before is not all. */
async function* whole(
  output: ReadableStream<Uint8Array> | undefined,
  finish: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  if (output !== undefined) yield* output;
  await finish();
}

/** The image's configuration with what the container was made with: as Docker's. Secrets are not among it. */
function ownConfig(base: ContainerDefaults, saved: SavedOptions | undefined): ContainerDefaults {
  if (saved === undefined) return base;
  const { options } = saved;
  const command = options.command.length > 0 ? options.command : undefined;
  const anonymous = options.mounts
    .filter(({ type, source, anonymous }) => type === "volume" && (anonymous === true || source === undefined))
    .map(({ destination }) => destination);
  const config: ContainerDefaults = {
    ...base,
    Env: mergeEnv(base.Env ?? [], options.env),
    ...(options.entrypoint === undefined
      ? command === undefined
        ? {}
        : { Cmd: command }
      : { Entrypoint: options.entrypoint === "" ? null : [options.entrypoint], Cmd: command ?? null }),
    ...(options.user === undefined ? {} : { User: options.user }),
    ...(options.workdir === undefined ? {} : { WorkingDir: options.workdir }),
    ...(options.stopSignal === undefined ? {} : { StopSignal: options.stopSignal }),
    ...(Object.keys(options.labels).length === 0 ? {} : { Labels: { ...base.Labels, ...options.labels } }),
    ...(options.health === undefined ? {} : { Healthcheck: healthcheck(base.Healthcheck, options.health) }),
  };
  if (anonymous.length === 0) return config;
  return { ...config, Volumes: { ...base.Volumes, ...Object.fromEntries(anonymous.map((path) => [path, {}])) } };
}

/** Nanoseconds in a millisecond. */
const MILLISECOND = 1_000_000;

function healthcheck(base: Healthcheck | null | undefined, health: HealthOptions): Healthcheck {
  return {
    ...base,
    ...(health.test === undefined ? {} : { Test: health.test }),
    ...(health.interval === undefined ? {} : { Interval: health.interval * MILLISECOND }),
    ...(health.timeout === undefined ? {} : { Timeout: health.timeout * MILLISECOND }),
    ...(health.startPeriod === undefined ? {} : { StartPeriod: health.startPeriod * MILLISECOND }),
    ...(health.startInterval === undefined ? {} : { StartInterval: health.startInterval * MILLISECOND }),
    ...(health.retries === undefined ? {} : { Retries: health.retries }),
  };
}
