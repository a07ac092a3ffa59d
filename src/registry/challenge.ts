/** The `WWW-Authenticate` header: RFC 9110 section 11.6.1. */

export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case, quotes and escapes removed. */
  readonly parameters: Readonly<Record<string, string>>;
}

// token of RFC 9110 section 5.6.2; quoted-string of 5.6.4; token68 of 11.2
const TOKEN = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
const PARAMETER = /([A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([A-Za-z0-9!#$%&'*+.^_`|~:/?-]+))/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)/y;
const SEPARATOR = /[ \t,]*/y;
const SPACE = /[ \t]+/y;

/**
 * Every challenge of a header. One header may hold several, and both a new challenge and a further parameter follow a
 * comma; a name that is followed by `=` is a parameter. What cannot be read ends the list, because nothing after it is
 * certain; it never throws.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(SEPARATOR);
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined) return challenges;
    // no prototype: the names come from outside, and `__proto__` is one that they could have
    const parameters: Record<string, string> = Object.create(null);
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (take(SPACE) === null) continue;
    if (take(TOKEN68) !== null) continue;
    for (;;) {
      const parameter = take(PARAMETER);
      if (parameter === null) break;
      const [, name = "", quoted, plain = ""] = parameter;
      // the first wins: a repeated parameter is an error of the server, and must not replace what was read
      const key = name.toLowerCase();
      if (!Object.hasOwn(parameters, key)) parameters[key] = quoted?.replace(/\\(.)/g, "$1") ?? plain;
      take(SEPARATOR);
    }
  }
}
