/** Becoming root of the container's user namespace, in which a process is nobody at first. user_namespaces(7) */
import { PR_SET_DUMPABLE } from "../linux/abi.gen.ts";
import { RECOVER_DENIED } from "../plan/index.ts";
import { type Compilation, isMapped } from "./context.ts";

/** @param joined whether the user namespace is somebody else's, who may have given up setgroups */
export function addIdentity({ inside, mapping, exposed }: Compilation, joined: boolean): void {
  if (mapping.kind === "none") return;
  const next = inside.label();
  if (mapping.kind === "subuid") {
    const recover = joined ? { recover: RECOVER_DENIED, to: next } : {};
    inside.add("setgroups", [new Uint8Array()], { note: "drop supplementary groups", ...recover });
  }
  inside.place(next);
  // keep-id with a single id has no user 0; the first process has all capabilities all the same
  if (isMapped(mapping.gids, 0)) inside.add("setresgid", [0], { note: "become group 0 of the user namespace" });
  if (isMapped(mapping.uids, 0)) inside.add("setresuid", [0], { note: "become user 0 of the user namespace" });
  inside.add("prctl", [PR_SET_DUMPABLE, exposed ? 0 : 1, 0]);
}
