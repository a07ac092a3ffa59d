/** What happens during a pull, as data for whoever shows it. */
import type { Digest } from "../oci/index.ts";

export type PullEvent =
  /** `where` is the name of the source. */
  | { readonly type: "resolved"; readonly where: string; readonly digest: Digest }
  | {
      readonly type: "layer";
      readonly digest: Digest;
      /** `exists`: its tree is there already. */
      readonly state: "waiting" | "downloading" | "unpacking" | "exists" | "done";
      /** Bytes here so far, and in all. */
      readonly bytes: number;
      readonly total: number;
    }
  | { readonly type: "note"; readonly message: string };

export type OnPullEvent = (event: PullEvent) => void;
