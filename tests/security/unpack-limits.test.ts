/** Layers that are small and ask for much: memory, disk, time, or a program of theirs to be run. */
import { describe, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { TsboxError } from "../../src/error.ts";
import { BUSYBOX, busybox } from "../support/busybox-image.ts";
import { descendants } from "../support/descendants.ts";
import { native, requires, userNamespaces } from "../support/skip.ts";
import { type TarEntry, writeTar } from "../support/tar.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { unpack } from "../support/unpack.ts";

const test = requires(native, userNamespaces);
const MEGABYTE = 1024 * 1024;
/** A worker with nothing to do has about 60 MB. */
const ENOUGH_MEMORY = 250 * MEGABYTE;

const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const workers = () => descendants(process.pid).filter(({ command }) => command.includes("__unpack"));

interface Outcome {
  /** The refusal; "" when there was none. */
  readonly message: string;
  readonly peak: number;
}

/** Unpacks a blob and watches the worker's memory. */
async function mount(blob: Uint8Array, compression: "none" | "gzip" | "zstd" = "none"): Promise<Outcome> {
  let peak = 0;
  const watch = setInterval(() => {
    for (const worker of workers()) peak = Math.max(peak, worker.peak);
  }, 10);
  try {
    // the digest is of no interest: what is refused is refused before its end
    using _ = await unpack(new Uint8Array(), { blob, compression });
    return { message: "", peak };
  } catch (error) {
    expect(error).toBeInstanceOf(TsboxError);
    expect((error as TsboxError).code).toBe("invalid"); // cast: checked in the line before
    return { message: (error as TsboxError).message, peak };
  } finally {
    clearInterval(watch);
  }
}

/** A header without data, some bytes of which are replaced; its checksum is right. */
function header(entry: TarEntry, changes: Readonly<Record<number, string>>): Uint8Array {
  const block = writeTar([entry], { end: false }).subarray(0, 512);
  for (const [at, text] of Object.entries(changes)) block.set(Buffer.from(text, "latin1"), Number(at));
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return block;
}

/** The fields of old GNU's sparse format: the type, "another block follows", and the real size. */
const SPARSE = { 156: "S", 257: "ustar  \0", 482: "\x01", 483: "00000000777\0" };

describe("CVE-2026-32288: a sparse file's map does not fill memory", () => {
  test("as blocks without end behind an old GNU header", async () => {
    const extents = Buffer.from("00000000000\0".repeat(42) + "\0".repeat(8), "latin1");
    extents[504] = 1;
    const blocks = Bun.zstdCompressSync(Buffer.concat(Array.from({ length: 16_384 }, () => extents)));
    const blob = join(
      Bun.zstdCompressSync(header({ path: "file" }, SPARSE)),
      ...Array.from({ length: 100 }, () => blocks),
    );
    const { message, peak } = await mount(blob, "zstd");
    expect(message).toContain("map is too long");
    expect(peak).toBeLessThan(ENOUGH_MEMORY);
  });

  test("as a number of extents in front of the data", async () => {
    const pax = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "5" };
    for (const count of ["1000001", "999999999999999"]) {
      const { message } = await mount(writeTar([{ path: "file", pax, data: `${count}\n0\n` }]));
      expect(message).toContain("map is too long");
    }
  });

  test("as a list in the extended header", async () => {
    const pax = { "GNU.sparse.map": "0,0,".repeat(1_100_000), "GNU.sparse.size": "5" };
    expect((await mount(writeTar([{ path: "file", pax }]))).message).toContain("header has 4400");
  });

  test("by a file that is nearly all hole and larger than any disk", async () => {
    const pax = { "GNU.sparse.map": "0,1", "GNU.sparse.size": String(2 ** 50) };
    expect((await mount(writeTar([{ path: "file", pax, data: "x" }]))).message).toContain("claims to have");
  });
});

describe("CVE-2023-25153, CVE-2026-32288: headers that claim to be huge are not made room for", () => {
  for (const type of ["x", "g", "L", "K"]) {
    test(`of type ${type}`, async () => {
      const blob = header({ path: "pax", claimedSize: 8 * 1024 ** 3 - 1 }, { 156: type });
      const { message, peak } = await mount(blob);
      expect(message).toContain("8589934591 bytes");
      expect(peak).toBeLessThan(ENOUGH_MEMORY);
    });
  }

  test("or global and repeated: they are counted together", async () => {
    const globals = Array.from({ length: 40 }, (_, i): TarEntry => {
      const record = `SCHILY.xattr.user.${i}=${"x".repeat(2000)}\n`;
      return { path: "g", type: "paxGlobal", data: `${record.length + 5} ${record}` };
    });
    expect((await mount(writeTar([...globals, { path: "file" }]))).message).toContain("global PAX headers");
  });
});

describe("a small blob does not become a large tree", () => {
  const zeros = Buffer.alloc(64 * MEGABYTE);
  const parts = (compress: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array, count: number) => {
    const entry = header({ path: "zeros", claimedSize: count * zeros.length }, {});
    const part = compress(zeros);
    return join(compress(new Uint8Array(entry)), ...Array.from({ length: count }, () => part));
  };

  test("of a gigabyte of zeros, as gzip", async () => {
    const { message, peak } = await mount(parts(Bun.gzipSync, 16), "gzip");
    expect(message).toMatch(/bytes of the layer expand to more than/);
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(ENOUGH_MEMORY);
  }, 20_000);

  test("of ten gigabytes of zeros, as zstd", async () => {
    const { message, peak } = await mount(parts(Bun.zstdCompressSync, 160), "zstd");
    expect(message).toMatch(/bytes of the layer expand to more than/);
    expect(peak).toBeLessThan(ENOUGH_MEMORY);
  }, 20_000);
});

test("CVE-2021-20291: after damaged blobs no worker, no descriptor and nothing to wait for is left", async () => {
  const good = Bun.gzipSync(writeTar([{ path: "file", data: Buffer.alloc(MEGABYTE, "x") }]));
  const damaged = [
    good.subarray(0, good.length / 2),
    Buffer.from(good).fill(0xff, 200, 300),
    Buffer.from("\xfd7zXZ\0 no xz here", "latin1"),
    Buffer.from("\x1f\x8b"),
    new Uint8Array(),
  ];
  const descriptors = () => readdirSync("/proc/self/fd").length;
  await mount(damaged[0] ?? good, "gzip"); // whatever is opened once and kept
  const before = descriptors();
  for (const blob of damaged) expect((await mount(blob, "gzip")).message).toContain("cannot unpack");
  // Bun closes the pipes of a child that has ended a little later, and those of earlier tests in between
  for (const end = Date.now() + 30_000; Date.now() < end && descriptors() > before; await Bun.sleep(20)) Bun.gc(true);
  expect(descriptors()).toBeLessThanOrEqual(before);
  expect(workers()).toEqual([]);
});

describe("CVE-2026-41567: layers are decompressed by no program", () => {
  const NAMES = ["gzip", "gunzip", "unpigz", "pigz", "zstd", "unzstd", "xz", "tar", "sh"];

  test("of the person's PATH", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.join("bin"));
    for (const name of NAMES) {
      writeFileSync(folder.join("bin", name), `#!/bin/sh\n: > ${folder.join("ran")}\n`);
      chmodSync(folder.join("bin", name), 0o755);
    }
    const path = process.env.PATH;
    process.env.PATH = `${folder.join("bin")}:${path}`;
    try {
      const tar = writeTar([{ path: "file", data: "text" }]);
      for (const [compression, blob] of [
        ["gzip", Bun.gzipSync(tar)],
        ["zstd", Bun.zstdCompressSync(tar)],
      ] as const) {
        using unpacked = await unpack(tar, { blob, compression });
        expect((await unpacked.tree()).file?.content).toBe("text");
      }
    } finally {
      process.env.PATH = path;
    }
    expect(existsSync(folder.join("ran"))).toBe(false);
  });

  requires(
    native,
    userNamespaces,
    busybox,
  )("of the image, which could run there", async () => {
    const script = "#!/bin/sh\n/bin/busybox touch /ran\n";
    const programs = NAMES.filter((name) => name !== "sh").flatMap((name) =>
      ["bin", "usr/bin"].map((bin): TarEntry => ({ path: `${bin}/${name}`, mode: 0o755, data: script })),
    );
    const tar = writeTar([
      { path: "bin/busybox", mode: 0o755, data: readFileSync(BUSYBOX) },
      { path: "bin/sh", type: "symlink", target: "busybox" },
      ...programs,
    ]);
    // the second part of the blob comes when the programs are there
    const half = tar.length - 1024;
    const blob = join(Bun.gzipSync(tar.subarray(0, half)), Bun.gzipSync(tar.subarray(half)));
    using unpacked = await unpack(tar, { blob, compression: "gzip" });
    const tree = await unpacked.tree();
    expect(tree["bin/unpigz"]?.mode).toBe("755");
    expect(tree).not.toHaveProperty(["ran"]);
  });
});
