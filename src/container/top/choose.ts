/** Which columns are asked for: the words behind the container's name, ps(1)'s options or podman's descriptors. */
import { TsboxError } from "../../error.ts";
import { BSD, type Column, DESCRIPTORS, FULL, PS_COLUMNS, SHORT } from "./columns.ts";

/** @throws TsboxError `usage` naming what there is */
export function chooseColumns(words: readonly string[]): readonly Column[] {
  if (words.length === 0) return FULL;
  const names = words.flatMap((word) => word.split(","));
  if (names.every((name) => Object.hasOwn(DESCRIPTORS, name))) return names.flatMap((name) => DESCRIPTORS[name] ?? []);
  return psColumns(words);
}

/** Which processes are shown is the container's matter, so options that select some change nothing. */
function psColumns(words: readonly string[]): readonly Column[] {
  const chosen: Column[] = [];
  let form: readonly Column[] = SHORT;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const [short, list] = /^(?:-[aAdeflxuwjHL]*o(.*)|[axuw]*o)$/.exec(word) ?? [];
    const [long, format] = /^--format(?:=(.*))?$/.exec(word) ?? [];
    if (short !== undefined || long !== undefined) {
      const value = format ?? (list || words[++i]);
      if (value === undefined) throw refuse(word, "it needs a list of columns");
      chosen.push(...parseList(value));
    } else if (/^-[aAdefwH]+$/.test(word)) form = word.includes("f") ? FULL : form;
    else if (/^-?[axuw]+$/.test(word)) form = word.includes("u") ? BSD : form;
    else
      throw refuse(
        word,
        `it is neither an option of ps that tsbox knows (-ef, aux, -o COLUMNS) nor one of ${keys(DESCRIPTORS)}`,
      );
  }
  return chosen.length > 0 ? chosen : form;
}

/** `pid,user=WHO,args`: after an equals sign, the heading. */
function parseList(text: string): Column[] {
  return text.split(/[,\s]+/).map((item) => {
    const equals = item.indexOf("=");
    const name = equals < 0 ? item : item.slice(0, equals);
    const column = Object.hasOwn(PS_COLUMNS, name) ? PS_COLUMNS[name] : undefined;
    if (column === undefined) throw refuse(`-o ${item}`, `there is no such column; there are ${keys(PS_COLUMNS)}`);
    return equals < 0 ? column : { ...column, heading: item.slice(equals + 1) };
  });
}

function keys(columns: object): string {
  return Object.keys(columns).sort().join(", ");
}

function refuse(word: string, reason: string): TsboxError {
  return new TsboxError("usage", `cannot use ${word} for top: ${reason}`);
}
