/** Where CRIU is: users have no sbin folders in PATH. */
export function criuPath(): string | undefined {
  return Bun.which("criu", { PATH: `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin` }) ?? undefined;
}
