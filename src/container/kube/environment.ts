/** `env`, `envFrom`, and `$(NAME)` in commands. */
import type { KubeData, KubeFile, PodDocument } from "./documents.ts";
import type { Fields } from "./fields.ts";

/** A value that only the program may see is named by its Secret and key. */
export type Variable =
  | { readonly plain: string }
  | { readonly secret: { readonly name: string; readonly key: string; readonly value: Uint8Array } };

export type Variables = ReadonlyMap<string, Variable>;

type Sources = Pick<KubeFile, "configMaps" | "secrets">;

/** @throws TsboxError naming the field */
export function readEnvironment(container: Fields, pod: PodDocument, sources: Sources): Variables {
  const variables = new Map<string, Variable>();
  for (const from of container.objects("envFrom")) {
    const prefix = from.text("prefix") ?? "";
    for (const [kind, map] of [
      ["configMapRef", sources.configMaps],
      ["secretRef", sources.secrets],
    ] as const) {
      const reference = from.object(kind);
      if (reference === undefined) continue;
      const data = find(reference, "name", map);
      for (const [key, value] of data?.data ?? []) {
        // what is no variable's name is passed over, as Kubernetes does
        if (!isName(prefix + key) || data?.binary.has(key)) continue;
        variables.set(prefix + key, variableOf(kind === "secretRef", data?.name ?? "", key, value));
      }
      reference.end();
    }
    from.end();
  }
  for (const entry of container.objects("env")) {
    const name = entry.requiredText("name");
    if (!isName(name)) throw entry.fail("name", `${JSON.stringify(name)} is not a variable's name`);
    const value = entry.text("value");
    const from = entry.object("valueFrom");
    const found =
      from === undefined
        ? { plain: substitute(value ?? "", variables, entry, "value") }
        : valueFrom(from, pod, sources);
    entry.end();
    if (found !== undefined) variables.set(name, found);
  }
  return variables;
}

function isName(text: string): boolean {
  return /^[^=\s\0]+$/.test(text);
}

function variableOf(secret: boolean, name: string, key: string, value: Uint8Array): Variable {
  return secret && value.length > 0 ? { secret: { name, key, value } } : { plain: new TextDecoder().decode(value) };
}

/** @returns undefined for one that is not there and may be missing. @throws TsboxError `not-found` */
export function find(reference: Fields, nameKey: string, map: ReadonlyMap<string, KubeData>): KubeData | undefined {
  const name = reference.requiredText(nameKey);
  const optional = reference.flag("optional") === true;
  const data = map.get(name);
  if (data === undefined && !optional)
    throw reference.fail(nameKey, `there is none of the name ${JSON.stringify(name)} in the file`, "not-found");
  return data;
}

function valueFrom(from: Fields, pod: PodDocument, sources: Sources): Variable | undefined {
  for (const [kind, map] of [
    ["configMapKeyRef", sources.configMaps],
    ["secretKeyRef", sources.secrets],
  ] as const) {
    const reference = from.object(kind);
    if (reference === undefined) continue;
    const data = find(reference, "name", map);
    const key = reference.requiredText("key");
    const value = data?.binary.has(key) ? undefined : data?.data.get(key);
    if (data !== undefined && value === undefined && reference.flag("optional") !== true)
      throw reference.fail("key", `${data.name} has no key ${JSON.stringify(key)}`, "not-found");
    reference.end();
    from.end();
    return value === undefined ? undefined : variableOf(kind === "secretKeyRef", data?.name ?? "", key, value);
  }
  const reference = from.object("fieldRef");
  if (reference === undefined) {
    from.end();
    throw from.fail(undefined, "it names nothing");
  }
  reference.accept({ apiVersion: ["v1"] });
  const path = reference.requiredText("fieldPath");
  reference.end();
  from.end();
  const value = fieldValue(path, pod);
  if (value === undefined) throw reference.fail("fieldPath", `${path}: not built yet`, "unsupported");
  return { plain: value };
}

/** Kubernetes' downward API, as far as there is something to tell here. */
function fieldValue(path: string, pod: PodDocument): string | undefined {
  if (path === "metadata.name") return pod.name;
  if (path === "metadata.namespace") return "default";
  const [, map, key] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if (map === undefined || key === undefined) return undefined;
  return (map === "labels" ? pod.labels : pod.annotations)[key] ?? "";
}

/**
 * `$(NAME)` is the value of a variable, `$$` a `$`, and what is no variable's name stays.
 * @throws TsboxError `unsupported` where a Secret's value would be written down
 */
export function substitute(text: string, variables: Variables, fields: Fields, key: string): string {
  return text.replaceAll(/\$\$|\$\(([^()]*)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return "$";
    const variable = variables.get(name);
    if (variable === undefined) return whole;
    if ("plain" in variable) return variable.plain;
    throw fields.fail(key, `${whole} is from a Secret, which is not written down here: not built yet`, "unsupported");
  });
}
