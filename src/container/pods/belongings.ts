/** What `kube play` has made for a pod, and goes with it: files, volumes of emptyDirs, secrets. */
import { chooseMapping, unpackMapping } from "../../idmap/index.ts";
import { removeTree } from "../../rootfs/tree/index.ts";
import { listSecrets, removeSecret } from "../secrets/index.ts";
import { listVolumes, removeVolume } from "../volumes/index.ts";
import { type PodRecord, podFolder } from "./folder.ts";

/** Label of what goes with a pod: the pod's id. */
export const POD_LABEL = "io.tsbox.pod";

/** Idempotent. */
export async function removeBelongings(store: string, { id }: PodRecord): Promise<void> {
  for (const secret of listSecrets(store)) if (secret.labels[POD_LABEL] === id) removeSecret(store, secret);
  for (const { name, labels } of listVolumes(store)) if (labels[POD_LABEL] === id) await removeVolume(store, name);
  await removeTree(`${podFolder(store, id)}/files`, unpackMapping(chooseMapping().mapping));
}
