/** `state` (runtime.md) and `features` (features.md, features-linux.md). */
import * as v from "valibot";
import { namespaceType } from "./linux-schema.ts";
import { between, flag, list, object, ociVersion, oneOf, text, textMap, texts } from "./schema-values.ts";
import { seccompAction, seccompArchitecture, seccompFlag, seccompOperator } from "./seccomp-schema.ts";

export const runtimeState = object({
  ociVersion,
  id: text,
  status: oneOf(["creating", "created", "running", "stopped"]),
  pid: v.optional(between(0, 2 ** 31 - 1)),
  bundle: text,
  annotations: v.optional(textMap),
});

const enabled = v.optional(object({ enabled: v.optional(flag) }));

const linuxFeatures = object({
  namespaces: v.optional(list(namespaceType)),
  capabilities: v.optional(list(v.pipe(text, v.regex(/^CAP_[A-Z_]+$/, "must be a capability such as CAP_KILL")))),
  cgroup: v.optional(
    object({
      v1: v.optional(flag),
      v2: v.optional(flag),
      systemd: v.optional(flag),
      systemdUser: v.optional(flag),
      rdma: v.optional(flag),
    }),
  ),
  seccomp: v.optional(
    object({
      enabled: v.optional(flag),
      actions: v.optional(list(seccompAction)),
      operators: v.optional(list(seccompOperator)),
      archs: v.optional(list(seccompArchitecture)),
      knownFlags: v.optional(list(seccompFlag)),
      supportedFlags: v.optional(list(seccompFlag)),
    }),
  ),
  apparmor: enabled,
  selinux: enabled,
  intelRdt: enabled,
  mountExtensions: v.optional(object({ idmap: enabled })),
  netDevices: enabled,
});

export const runtimeFeatures = object({
  ociVersionMin: ociVersion,
  ociVersionMax: ociVersion,
  hooks: v.optional(texts),
  mountOptions: v.optional(texts),
  annotations: v.optional(textMap),
  potentiallyUnsafeConfigAnnotations: v.optional(texts),
  linux: v.optional(linuxFeatures),
});
