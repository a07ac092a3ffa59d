/** `--version` in the three lines that podman and dockerd read. */
import manifest from "../../../package.json";

export function runtimeVersion(): number {
  console.log(`tsbox version ${manifest.version}\nspec: 1.3.0\nbun: ${Bun.version}`);
  return 0;
}
