/** What a container has changed of its image. */

export { type CommitRequest, commitContainer } from "./commit.ts";
export { type ListedChange, listChanges } from "./list.ts";
