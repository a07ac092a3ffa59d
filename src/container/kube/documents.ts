/** The documents of a YAML file: which things of which kind there are. */
import { LineCounter, parseAllDocuments } from "yaml";
import { TsboxError } from "../../error.ts";
import { Fields } from "./fields.ts";

export interface KubeData {
  readonly name: string;
  readonly data: ReadonlyMap<string, Uint8Array>;
  /** Keys of a ConfigMap's `binaryData`, which is for files alone. */
  readonly binary: ReadonlySet<string>;
}

export interface KubeClaim {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A pod, as it is or as a deployment would make it. */
export interface PodDocument {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: Fields;
  /** Of a deployment, whose pods always run. */
  readonly always: boolean;
}

export interface KubeFile {
  readonly pods: readonly PodDocument[];
  readonly configMaps: ReadonlyMap<string, KubeData>;
  readonly secrets: ReadonlyMap<string, KubeData>;
  readonly claims: readonly KubeClaim[];
}

/** @throws TsboxError `invalid` naming the line */
function parseYAML(text: string, from: string): unknown[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter, merge: true, prettyErrors: false });
  // cast: an empty stream has no documents
  const list = Array.isArray(documents) ? documents : [];
  return list.map((document) => {
    const [error] = document.errors;
    if (error === undefined) return expand(() => document.toJS({ maxAliasCount: 100 }) as unknown, from);
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new TsboxError("invalid", `cannot read ${from}: line ${line}, column ${col}: ${lowerFirst(error.message)}`);
  });
}

/** Aliases of aliases may stand for more than there is memory. */
function expand<T>(work: () => T, from: string): T {
  try {
    return work();
  } catch (cause) {
    throw new TsboxError("invalid", `cannot read ${from}: ${lowerFirst((cause as Error).message)}`, { cause }); // cast: a ReferenceError of the parser
  }
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

/**
 * @param from the file's name, for messages
 * @param configMapsFrom texts of files with further ConfigMaps
 * @throws TsboxError `invalid`, or `unsupported` naming the field
 */
export function readKubeFile(text: string, from: string): KubeFile {
  const pods: PodDocument[] = [];
  const configMaps = new Map<string, KubeData>();
  const secrets = new Map<string, KubeData>();
  const claims: KubeClaim[] = [];
  const read = (value: unknown): void => {
    const { kind, name, fields } = head(value, from);
    if (kind === "List") {
      fields.accept({ apiVersion: ["v1"], kind: ["List"] });
      fields.ignore("metadata");
      for (const item of itemsOf(value)) read(item);
      fields.ignore("items");
      fields.end();
    } else if (kind === "Pod") pods.push(readPod(fields));
    else if (kind === "Deployment") pods.push(readDeployment(fields));
    else if (kind === "ConfigMap") unique(configMaps, readData(fields, "binaryData"), fields);
    else if (kind === "Secret") unique(secrets, readData(fields, "data"), fields);
    else if (kind === "PersistentVolumeClaim") claims.push(readClaim(fields));
    else {
      throw new TsboxError(
        "unsupported",
        `cannot play ${from}: ${kind} ${name}: not built yet; there are Pod, Deployment, ConfigMap, Secret, PersistentVolumeClaim and List`,
      );
    }
  };
  for (const value of parseYAML(text, from)) if (value !== null && value !== undefined) read(value);
  return { pods, configMaps, secrets, claims };
}

function itemsOf(value: unknown): readonly unknown[] {
  if (typeof value === "object" && value !== null && "items" in value && Array.isArray(value.items)) return value.items;
  return [];
}

function head(value: unknown, from: string): { kind: string; name: string; fields: Fields } {
  const whole = new Fields(value, "", from);
  const kind = whole.requiredText("kind");
  const name = kind === "List" ? "" : (whole.object("metadata")?.requiredText("name") ?? "");
  if (name === "" && kind !== "List") throw whole.fail("metadata.name", "it is missing");
  return { kind, name, fields: new Fields(value, "", kind === "List" ? from : `${kind} ${name}`) };
}

interface Metadata {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function readMetadata(fields: Fields, apiVersion: string): Metadata {
  fields.accept({ apiVersion: [apiVersion] });
  fields.ignore("kind", "status");
  const metadata = fields.object("metadata");
  if (metadata === undefined) return { name: "", labels: {}, annotations: {} };
  const found = {
    name: metadata.text("name") ?? "",
    labels: metadata.map("labels"),
    annotations: metadata.map("annotations"),
  };
  metadata.accept({ namespace: ["default"] });
  metadata.ignore("creationTimestamp", "uid", "resourceVersion", "generation", "managedFields", "selfLink");
  metadata.end();
  return found;
}

function required(fields: Fields, key: string): Fields {
  const found = fields.object(key);
  if (found === undefined) throw fields.fail(key, "it is missing");
  return found;
}

function readPod(fields: Fields): PodDocument {
  const metadata = readMetadata(fields, "v1");
  const spec = required(fields, "spec");
  fields.end();
  return { ...metadata, spec, always: false };
}

/** Named as podman names it. */
function readDeployment(fields: Fields): PodDocument {
  const { name } = readMetadata(fields, "apps/v1");
  const spec = required(fields, "spec");
  const replicas = spec.number("replicas") ?? 1;
  if (replicas !== 1) throw spec.fail("replicas", `there is one pod of each here, not ${replicas}`, "unsupported");
  // the pods that it would count, and how it would replace them: there is one, which is replaced at once
  spec.ignore("selector", "strategy", "revisionHistoryLimit", "progressDeadlineSeconds", "minReadySeconds");
  const template = required(spec, "template");
  const metadata = template.has("metadata") ? readMetadata(template, "v1") : { labels: {}, annotations: {} };
  template.ignore("metadata");
  const podSpec = required(template, "spec");
  template.end();
  spec.end();
  fields.end();
  return {
    name: `${name}-pod`,
    labels: metadata.labels,
    annotations: metadata.annotations,
    spec: podSpec,
    always: true,
  };
}

/** @param encoded the field whose values are base64 */
function readData(fields: Fields, encoded: "binaryData" | "data"): KubeData {
  const { name } = readMetadata(fields, "v1");
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(fields.map(encoded === "data" ? "stringData" : "data")))
    data.set(key, new TextEncoder().encode(value));
  for (const [key, value] of Object.entries(fields.map(encoded))) {
    const packed = value.replace(/\s/g, "");
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(packed) || packed.length % 4 !== 0)
      throw fields.fail(encoded, `${key}: it is not base64`);
    // stringData counts more
    if (!data.has(key)) data.set(key, Buffer.from(packed, "base64"));
  }
  for (const key of data.keys())
    if (!/^[-._a-zA-Z0-9]+$/.test(key) || key.startsWith(".."))
      throw fields.fail("data", `${JSON.stringify(key)}: a key has letters, digits, "-", "_" and "."`);
  // the type is for who makes it
  fields.ignore("type", "immutable");
  fields.end();
  const binary = new Set(encoded === "data" ? [] : Object.keys(fields.map(encoded)));
  return { name, data, binary };
}

/** What it requests is the least that it needs: a volume here has no bound. */
function readClaim(fields: Fields): KubeClaim {
  const { name, labels } = readMetadata(fields, "v1");
  const spec = fields.object("spec");
  spec?.ignore("accessModes", "resources");
  spec?.accept({ volumeMode: ["Filesystem"], storageClassName: ["", "local", "standard"] });
  spec?.end();
  fields.end();
  return { name, labels };
}

function unique(map: Map<string, KubeData>, data: KubeData, fields: Fields): void {
  if (map.has(data.name)) throw fields.fail("metadata.name", "there are two of that name");
  map.set(data.name, data);
}
