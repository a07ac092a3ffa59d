/** The names of things that are there, for completion. Reads the disk and changes nothing. */
import { commandNames } from "../catalogue.ts";
import type { Kind } from "./values.ts";

/** A word, and what the shell may show beside it. */
export type Candidate = readonly [word: string, what: string];

const LISTS: Readonly<Record<Kind, (begun: string) => Promise<readonly Candidate[]>>> = {
  container: async (begun) => {
    const { listContainers } = await import("../../container/index.ts");
    const { openStore } = await import("../../store/index.ts");
    return listContainers(openStore().root).flatMap(({ record }): Candidate[] => {
      const what = record.image ?? "";
      // ids are for those who begin to type one
      const id: Candidate[] = begun !== "" && record.id.startsWith(begun) ? [[record.id.slice(0, 12), what]] : [];
      return record.name ? [[record.name, what], ...id] : id;
    });
  },
  image: async () => {
    const { listImages } = await import("../../image/index.ts");
    const { openStore } = await import("../../store/index.ts");
    const { familiarName, parseReference } = await import("../../oci/index.ts");
    const names = listImages(openStore()).flatMap(({ name }) => name ?? []);
    return names.map((name) => [/^[a-z-]+:[./]/.test(name) ? name : familiarName(parseReference(name)), ""]);
  },
  network: async () => {
    const { listNetworks } = await import("../../network/named/index.ts");
    const { openStore } = await import("../../store/index.ts");
    return listNetworks(openStore().root).map(({ name, subnet }): Candidate => [name, subnet]);
  },
  volume: async () => {
    const { listVolumes } = await import("../../container/volumes/index.ts");
    const { openStore } = await import("../../store/index.ts");
    return listVolumes(openStore().root).map(({ name, driver }): Candidate => [name, driver]);
  },
  pod: async () => {
    const { listPods } = await import("../../container/pods/index.ts");
    const { openStore } = await import("../../store/index.ts");
    return listPods(openStore().root).map(({ name, id }): Candidate => [name, id.slice(0, 12)]);
  },
  secret: async () => {
    const { listSecrets } = await import("../../container/secrets/index.ts");
    const { openStore } = await import("../../store/index.ts");
    return listSecrets(openStore().root).map(({ name }): Candidate => [name, ""]);
  },
  command: async () => commandNames().map((name): Candidate => [name, ""]),
};

/** @param begun what is typed of the word. A store that cannot be read has no names: a shell must not see an error. */
export async function namesOf(kind: Kind, begun: string): Promise<readonly Candidate[]> {
  try {
    return await LISTS[kind](begun);
  } catch (error) {
    if (process.env.TSBOX_DEBUG) console.error(error);
    return [];
  }
}
