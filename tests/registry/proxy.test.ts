import { expect, test } from "bun:test";
import { isLoopback, proxyFor } from "../../src/registry/proxy.ts";

const P = "http://proxy.example:3128";

test.each([
  ["https://quay.io/v2/", { HTTPS_PROXY: P }, P],
  ["https://quay.io/v2/", { https_proxy: P, HTTPS_PROXY: "http://other" }, P],
  ["https://quay.io/v2/", { HTTP_PROXY: P }, undefined],
  ["http://quay.io/v2/", { HTTP_PROXY: P }, P],
  ["https://quay.io/v2/", { HTTPS_PROXY: "proxy.example:3128" }, P],
  ["https://quay.io/v2/", { HTTPS_PROXY: "" }, undefined],
  ["https://localhost:5000/v2/", { HTTPS_PROXY: P }, undefined],
  ["http://127.0.0.9:5000/v2/", { HTTP_PROXY: P }, undefined],
  ["http://[::1]:5000/v2/", { HTTP_PROXY: P }, undefined],
  ["https://quay.io/", { HTTPS_PROXY: P, NO_PROXY: "*" }, undefined],
  ["https://quay.io/", { HTTPS_PROXY: P, NO_PROXY: "quay.io" }, undefined],
  ["https://cdn.quay.io/", { HTTPS_PROXY: P, NO_PROXY: "a.example, quay.io" }, undefined],
  ["https://cdn.quay.io/", { HTTPS_PROXY: P, no_proxy: ".QUAY.io" }, undefined],
  ["https://evilquay.io/", { HTTPS_PROXY: P, NO_PROXY: "quay.io" }, P],
  ["https://quay.io:8443/", { HTTPS_PROXY: P, NO_PROXY: "quay.io:443" }, P],
  ["https://quay.io/", { HTTPS_PROXY: P, NO_PROXY: "quay.io:443" }, undefined],
  ["https://10.1.2.3/", { HTTPS_PROXY: P, NO_PROXY: "10.0.0.0/8" }, undefined],
  ["https://11.1.2.3/", { HTTPS_PROXY: P, NO_PROXY: "10.0.0.0/8" }, P],
  ["https://10.1.2.3/", { HTTPS_PROXY: P, NO_PROXY: "10.0.0.0/99" }, P],
  ["https://[2001:db8::1]/", { HTTPS_PROXY: P, NO_PROXY: "2001:db8::/32" }, undefined],
])("%s with %p goes through %p", (url, env, expected) => {
  expect(proxyFor(new URL(url), env)).toBe(expected);
});

test("a proxy that is no HTTP proxy is refused without repeating its password", () => {
  const env = { HTTPS_PROXY: "socks5://user:secret@proxy.example" };
  expect(() => proxyFor(new URL("https://quay.io/"), env)).toThrow(
    "cannot use the proxy in HTTPS_PROXY: it is not an http or https URL",
  );
});

test.each([
  ["localhost", true],
  ["registry.localhost", true],
  ["127.0.0.1", true],
  ["[::1]", true],
  ["127.example.com", false],
  ["localhost.example.com", false],
  ["10.0.0.1", false],
])("isLoopback(%p) is %p", (hostname, expected) => {
  expect(isLoopback(hostname)).toBe(expected);
});
