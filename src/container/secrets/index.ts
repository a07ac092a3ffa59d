/** Secrets: values that a container's program may read and that are written down nowhere else. */
export { type PreparedSecrets, prepareSecrets } from "./prepare.ts";
export {
  createSecret,
  hasSecret,
  listSecrets,
  type NewSecret,
  removeSecret,
  requireSecret,
  type Secret,
  secretData,
} from "./secret.ts";
