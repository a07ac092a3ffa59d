/**
 * `bun take-turns.ts containers|pods STORE ROUNDS`: for so many rounds something gets the name that others want, too, has it for a
 * moment, and is removed. Prints what was wrong.
 */
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { claimName, dropDeadName, nameOwner } from "../../src/container/names.ts";
import { createPod } from "../../src/container/pods/create.ts";
import { discardPod } from "../../src/container/pods/remove.ts";
import { TsboxError } from "../../src/error.ts";
import { randomHex } from "../../src/linux/random.ts";
import { POD } from "./pods/new-pod.ts";

const NAME = "wanted";
const [kind = "", store = "", rounds = ""] = process.argv.slice(2);

/** @returns the id. @throws TsboxError `exists`, and nothing is left */
function make(): string {
  if (kind === "pods") return createPod(store, { ...POD, name: NAME }).id;
  const id = randomHex(32);
  mkdirSync(`${store}/containers/${id}`);
  try {
    claimName(store, "containers", NAME, id);
    return id;
  } catch (error) {
    rmdirSync(`${store}/containers/${id}`);
    throw error;
  }
}

function remove(id: string): void {
  if (kind === "pods") discardPod(store, id, NAME);
  else {
    rmdirSync(`${store}/containers/${id}`);
    dropDeadName(store, "containers", NAME, id);
  }
}

function turn(): boolean {
  let id: string;
  try {
    id = make();
  } catch (error) {
    if (error instanceof TsboxError && error.code === "exists") return false;
    throw error;
  }
  const owner = nameOwner(store, kind === "pods" ? "pods" : "containers", NAME);
  if (owner !== id) console.log("the name was taken away");
  try {
    writeFileSync(`${store}/held`, "", { flag: "wx" });
    rmSync(`${store}/held`);
  } catch {
    console.log("two have the name");
  }
  remove(id);
  return true;
}

for (let done = 0; done < Number(rounds); ) if (turn()) done++;
