/** CVE-2021-32635: an image came from another registry than its name says. The reference decides, and nothing else. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { familiarName, parseReference } from "../../src/oci/index.ts";
import { fakeRegistry, smallImage } from "../registry/support/fake-registry.ts";
import { failure, source } from "../registry/support/source.ts";
import { temporaryFolder } from "../support/tmp.ts";

test("CVE-2021-32635: a registry that is logged in to, trusted and has the image is not asked for another's", async () => {
  using folder = temporaryFolder();
  using named = fakeRegistry();
  using other = fakeRegistry();
  smallImage(other);
  const auths = { [other.host]: { auth: btoa("ann:secret") } };
  const authFile = folder.join("auth.json");
  writeFileSync(authFile, JSON.stringify({ auths }));
  const env = { HOME: folder.path, PATH: "/usr/bin:/bin", REGISTRY: other.host, DOCKER_REGISTRY: other.host };
  const error = await failure(source(`${named.host}/some/app:1`, { authFile, env }).resolve());
  expect(error.code).toBe("not-found");
  expect(named.seen(/manifests/)).toHaveLength(1);
  expect(other.requests).toEqual([]);
});

test("CVE-2021-32635: a name without a registry is Docker Hub's, whatever it looks like", () => {
  for (const name of ["app", "some/app", "library/app:1", "localhostile/app", "docker.io/app", "index.docker.io/app"])
    expect(`${name} ${parseReference(name).registry}`).toBe(`${name} docker.io`);
  for (const name of ["localhost/app", "ghcr.io/app", "app.io:5000/x", "docker.io.example/app"]) {
    const reference = parseReference(name);
    expect(familiarName(reference)).toStartWith(`${name.split("/")[0]}/`);
    expect(reference.registry).toBe(name.split("/")[0] ?? "");
  }
});
