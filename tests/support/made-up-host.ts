/** Folders that stand for a host's root, with nothing in them but the files that matter. */
import { afterAll } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { temporaryFolder } from "./tmp.ts";

/** Texts by absolute path. */
export type HostFiles = Readonly<Record<string, string>>;

/** @param root the folder that stands for `/`. @returns it */
export function writeHostFiles(root: string, files: HostFiles): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, text);
  }
  return root;
}

/** @returns what makes one host after the other; all are gone when the tests of the file are over */
export function madeUpHosts(): (files: HostFiles) => string {
  const folder = temporaryFolder();
  afterAll(() => folder[Symbol.dispose]());
  let count = 0;
  return (files) => {
    const root = folder.join(`host${count++}`);
    mkdirSync(root);
    return writeHostFiles(root, files);
  };
}
