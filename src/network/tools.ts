/** The programs and devices that networks without root need. */
import { exists } from "../linux/read-text.ts";

/** What the host has. Properties are looked up when read, because most runs need only one of them. */
export interface NetworkTools {
  /** Absolute paths; undefined when not installed. */
  readonly pasta: string | undefined;
  readonly slirp4netns: string | undefined;
  /** Whether there is `/dev/net/tun`, which both need. */
  readonly tun: boolean;
  readonly uid: number;
  /** Whether this pasta has an option. Starts it, so it is asked only for rare wishes. */
  readonly pastaHas: (option: string) => boolean;
}

/** Looks for the helpers in PATH and in the folders of administrators. Starts nothing by itself. */
export function findTools(): NetworkTools {
  const find = (name: string) => Bun.which(name, { PATH: `${process.env.PATH ?? ""}:/usr/bin:/bin` }) ?? undefined;
  return {
    get pasta() {
      return find("pasta");
    },
    get slirp4netns() {
      return find("slirp4netns");
    },
    get tun() {
      return exists("/dev/net/tun");
    },
    get uid() {
      return process.geteuid?.() ?? 0;
    },
    pastaHas(option) {
      const pasta = find("pasta");
      if (pasta === undefined) return false;
      // pasta of 2023-03 prints its help on standard error
      const { stdout, stderr } = Bun.spawnSync([pasta, "--help"], { stdout: "pipe", stderr: "pipe" });
      return `${stdout}${stderr}`.includes(option);
    },
  };
}
