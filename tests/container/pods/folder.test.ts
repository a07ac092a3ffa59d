/** Pods on disk: names, and finding one. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createPod } from "../../../src/container/pods/create.ts";
import { findPod, listPods, lockPod, podFolder, podNamed } from "../../../src/container/pods/folder.ts";
import { removePod } from "../../../src/container/pods/remove.ts";
import { lockFile } from "../../../src/linux/lock.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { POD } from "./new-pod.ts";

describe("pods on disk", () => {
  test("are found by id, name and beginning of an id, and by nothing else", () => {
    using store = temporaryFolder();
    const pod = createPod(store.path, { ...POD, name: "web_1" });
    expect(pod.hostname).toBe("web-1");
    for (const text of [pod.id, "web_1", pod.id.slice(0, 5)]) expect(findPod(store.path, text)).toEqual(pod);
    for (const text of ["web", "", "..", "../pods", "nosuch", pod.id.toUpperCase()])
      expect(() => findPod(store.path, text)).toThrow("cannot find pod");
  });

  test("have names of their own, or made up ones", () => {
    using store = temporaryFolder();
    const { id } = createPod(store.path, { ...POD, name: "p" });
    expect(() => createPod(store.path, { ...POD, name: "p" })).toThrow(`the pod ${id.slice(0, 12)} has it`);
    for (const name of ["", "../x", "a b", "-x"])
      expect(() => createPod(store.path, { ...POD, name })).toThrow("cannot use name");
    const made = createPod(store.path, POD);
    expect(made.name).toMatch(/^[a-z]+_[a-z]+/);
    expect(
      listPods(store.path)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([made.name, "p"].sort());
  });

  test("give a name away that a kill has left without a pod", () => {
    using store = temporaryFolder();
    const { id } = createPod(store.path, { ...POD, name: "p" });
    rmSync(podFolder(store.path, id), { recursive: true });
    expect(podNamed(store.path, "p")).toBeUndefined();
    expect(createPod(store.path, { ...POD, name: "p" }).id).not.toBe(id);
  });

  test.each(["lock", undefined])(
    "give the name of one away that a kill has left half made or half removed, with %p in it",
    (file) => {
      using store = temporaryFolder();
      const { id } = createPod(store.path, { ...POD, name: "p" });
      for (const name of readdirSync(podFolder(store.path, id)))
        if (name !== file) rmSync(`${podFolder(store.path, id)}/${name}`);
      const pod = createPod(store.path, { ...POD, name: "p" });
      expect([podNamed(store.path, "p"), existsSync(podFolder(store.path, id))]).toEqual([pod, false]);
    },
  );

  test("keep the name of one that is being made this moment", () => {
    using store = temporaryFolder();
    const { id } = createPod(store.path, { ...POD, name: "p" });
    rmSync(`${podFolder(store.path, id)}/pod.json`);
    using _maker = lockFile(`${podFolder(store.path, id)}/lock`, { mode: "exclusive" });
    expect(() => createPod(store.path, { ...POD, name: "p" })).toThrow(`the pod ${id.slice(0, 12)} has it`);
    expect(readdirSync(store.join("pods")).sort()).toEqual([id, "names"].sort());
  });

  test("refuse what only a shared network could have", () => {
    using store = temporaryFolder();
    const ports = [{ protocol: "tcp", hostPort: 1, containerPort: 1, count: 1 }] as const;
    expect(() => createPod(store.path, { ...POD, share: ["ipc"], ports })).toThrow("cannot use --publish");
    expect(() => createPod(store.path, { ...POD, network: { mode: "container", id: "x" } })).toThrow(
      "a network of its own",
    );
    expect(listPods(store.path)).toEqual([]);
  });

  test("are gone after rm, with their names, and nobody gets their lock any more", async () => {
    using store = temporaryFolder();
    const pod = createPod(store.path, { ...POD, name: "p" });
    mkdirSync(`${store.path}/containers`);
    await removePod(store.path, pod, { force: false, timeout: 0 });
    expect([listPods(store.path), podNamed(store.path, "p")]).toEqual([[], undefined]);
    await expect(lockPod(store.path, pod)).rejects.toThrow("it was removed");
  });
});
