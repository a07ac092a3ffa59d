/**
 * Cuts an archive into archives. A hard link goes where its target is, for a layer may only link to what it or the
 * layers below it hold; so nothing is reordered, and cuts fall between entries (GNU and PAX headers stay in front).
 */
export function splitTar(tar: Uint8Array, count: number, limit: number): Uint8Array<ArrayBuffer>[] {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let from = 0;
  let at = 0;
  let total = 0;
  const close = () => {
    const part = new Uint8Array(at - from + 1024);
    part.set(tar.subarray(from, at));
    parts.push(part);
    from = at;
  };
  while (at < tar.length && tar[at] !== 0 && total < limit) {
    let type: string;
    do {
      const size = Number.parseInt(Buffer.from(tar.subarray(at + 124, at + 136)).toString("latin1"), 8);
      type = String.fromCharCode(tar[at + 156] ?? 0);
      const length = 512 + Math.ceil(size / 512) * 512;
      at += length;
      total += length;
    } while ("xgLK".includes(type));
    if (parts.length < count - 1 && total >= (limit / count) * (parts.length + 1)) close();
  }
  close();
  return parts;
}
