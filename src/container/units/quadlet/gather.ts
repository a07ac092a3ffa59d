/** Which quadlets a command is about, and the units of those. */
import { exists } from "../../../linux/read-text.ts";
import {
  findQuadletFiles,
  loadQuadlet,
  type Quadlet,
  type Quadlets,
  type QuadletUnit,
  quadletUnit,
  serviceName,
} from "./index.ts";

export interface Gathered {
  readonly units: readonly QuadletUnit[];
  /** What is wrong with quadlets that nobody named: sentences. */
  readonly failures: readonly string[];
}

/**
 * @param operands files, or names of files in the folders; none: all in the folders
 * @throws TsboxError naming file and line, when one that is named, or that it needs, cannot be used
 */
export function gatherUnits(operands: readonly string[], folders: readonly string[], cwd: string): Gathered {
  const found = new Map(findQuadletFiles(folders));
  const named = operands.map((operand) => addNamed(found, operand, cwd));
  const all = new Map<string, Quadlet>();
  const broken = new Map<string, unknown>();
  for (const [file, path] of found) {
    try {
      all.set(file, loadQuadlet(path));
    } catch (error) {
      broken.set(file, error);
    }
  }
  if (operands.length > 0) {
    const chosen = named.map((file) => {
      const quadlet = all.get(file);
      if (quadlet === undefined) throw broken.get(file);
      return quadlet;
    });
    return { units: withNeeded(chosen, all), failures: [] };
  }
  const failures = [...broken.values()];
  const units = [...all.values()].flatMap((quadlet) => {
    try {
      return [quadletUnit(quadlet, all)];
    } catch (error) {
      failures.push(error);
      return [];
    }
  });
  return { units, failures: failures.map((error) => (error instanceof Error ? error.message : String(error))) };
}

/** What is beside a file counts more than what is in the usual folders. @returns the file's name */
function addNamed(found: Map<string, string>, operand: string, cwd: string): string {
  const path = operand.startsWith("/") ? operand : `${cwd}/${operand.replace(/^(?:\.\/)+/, "")}`;
  const slash = path.lastIndexOf("/");
  const file = path.slice(slash + 1);
  if (!operand.includes("/") && !exists(path) && found.has(file)) return file;
  for (const [name, other] of findQuadletFiles([path.slice(0, slash)], 0)) found.set(name, other);
  found.set(file, path);
  return file;
}

/** Their units, and before them those of other quadlets that they need. */
function withNeeded(chosen: readonly Quadlet[], all: Quadlets): QuadletUnit[] {
  const units = new Map<string, QuadletUnit>();
  const add = (quadlet: Quadlet) => {
    const unit = quadletUnit(quadlet, all);
    if (units.has(unit.file)) return;
    units.set(unit.file, unit);
    const needed = new Set([...unit.text.matchAll(/^(?:Requires|BindsTo)=(\S+)$/gm)].map(([, name]) => name));
    for (const other of all.values()) if (needed.has(serviceName(other))) add(other);
  };
  for (const quadlet of chosen) add(quadlet);
  return [...units.values()];
}
