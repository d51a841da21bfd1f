import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { ServerConfig } from "../../../src/config/server-config.ts";
import { ConfigurationError } from "../../../src/errors/errors.ts";

describe("ServerConfig", () => {
  it("has the documented defaults and is frozen", () => {
    const config = ServerConfig.create();
    expect(config.getBindAddress()).toEqual({ host: "localhost", port: 4433 });
    expect(config.values).toMatchObject({
      maxConnections: 10_000,
      maxSessions: 10_000,
      maxSessionsPerConnection: 16,
      streamBufferSize: 65_536,
      maxStreamBufferSize: 1_048_576,
      connectionIdleTimeout: 60_000,
      keepaliveInterval: 25_000,
      closeTimeout: 5000,
      retry: "adaptive",
      verifyMode: "none",
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.values)).toBe(true);
  });

  it.each<[string, unknown]>([
    ["bindPort", 65_536],
    ["bindPort", "4433"],
    ["maxSessions", 0],
    ["maxSessions", 1.5],
    ["bindHost", ""],
    ["retry", "sometimes"],
    ["reusePort", "yes"],
    ["logger", 1],
    ["allowedOrigins", "https://a.example"],
    ["allowedOrigins", [1]],
    ["sni", { "a.example": { cert: "x" } }],
    ["keylog", "file"],
    ["bindprt", 1],
  ])("refuses %s: %j by name", (key, value) => {
    let thrown: unknown;
    try {
      ServerConfig.create({ [key]: value });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect(thrown).toMatchObject({ configKey: key });
  });

  it("refuses a certificate without a key, two sources of one, and client certificates without an authority", () => {
    expect(() => ServerConfig.create({ cert: "x" })).toThrow(/key is missing/);
    expect(() => ServerConfig.create({ cert: "x", certfile: "y", key: "z" })).toThrow(/beside cert/);
    expect(() => ServerConfig.create({ verifyMode: "required" })).toThrow(/caCerts is needed/);
  });

  it("takes sni's certificates as PEM or as paths, by names that clients can ask for", () => {
    const pem = { cert: "c", key: "k" };
    const files = { certfile: "c.pem", keyfile: "k.pem" };
    const sni = {
      "a.test": pem,
      "*.b.test": files,
      localhost: files,
      "xn--bcher-kva.example": pem,
      "my_host.test": pem,
    };
    expect(ServerConfig.create({ sni }).values.sni).toEqual(sni);
    const refused: readonly (readonly [sni: Record<string, object>, reason: RegExp])[] = [
      [{ "127.0.0.1": pem }, /^sni "127\.0\.0\.1" is an address/],
      [{ "::1": pem }, /is an address/],
      ...["*", "*.", "*.test.*", "a.*.test", "*a.test", "**.test"].map(
        (name): readonly [Record<string, object>, RegExp] => [{ [name]: pem }, /asterisk|no name/],
      ),
      [{ "bücher.example": pem }, /write "xn--bcher-kva\.example"/],
      [{ "a..test": pem }, /no name of a server/],
      [{ "a.test.": pem }, /no name of a server/],
      [{ "a test": pem }, /no name of a server/],
      [{ "a.test": { cert: "c", keyfile: "k.pem" } }, /either cert and key \(PEM\) or certfile and keyfile/],
      [{ "a.test": { ...pem, ...files } }, /either cert and key/],
      [{ "a.test": { certfile: "c.pem" } }, /either cert and key/],
    ];
    for (const [given, reason] of refused) {
      expect(() => ServerConfig.fromObject({ sni: given })).toThrow(reason);
    }
  });

  it("refuses certificateReload without a file that could be renewed", () => {
    const pem = { cert: "c", key: "k" };
    const files = { certfile: "c.pem", keyfile: "k.pem" };
    for (const given of [{}, pem, { ...pem, sni: { "a.test": pem } }]) {
      expect(() => ServerConfig.create({ ...given, certificateReload: true })).toThrow(/needs files to watch/);
    }
    for (const given of [files, { ...pem, sni: { "a.test": files } }]) {
      expect(ServerConfig.create({ ...given, certificateReload: true }).values.certificateReload).toBe(true);
    }
    const environment = { WT_CERTFILE: "c.pem", WT_KEYFILE: "k.pem", WT_CERTIFICATE_RELOAD: "on" };
    expect(ServerConfig.fromEnvironment("WT_", environment).values.certificateReload).toBe(true);
  });

  it("updates, copies and merges into new configurations", () => {
    const config = ServerConfig.create({ bindPort: 1, maxSessions: 5 });
    expect(config.update({ bindPort: 2 }).values).toMatchObject({ bindPort: 2, maxSessions: 5 });
    expect(config.copy().values).toEqual(config.values);
    expect(config.merge(ServerConfig.create({ maxSessions: 6 })).values).toMatchObject({ bindPort: 1, maxSessions: 6 });
    expect(config.values.bindPort).toBe(1);
  });

  it("comes from plain data and from the environment", () => {
    expect(ServerConfig.fromObject({ bindPort: 1, drafts: "P1" }).values).toMatchObject({ bindPort: 1, drafts: "P1" });
    expect(() => ServerConfig.fromObject({ bindPort: "1" })).toThrow(ConfigurationError);
    const environment = {
      WT_BIND_HOST: "::",
      WT_MAX_SESSIONS: "7",
      WT_ACCESS_LOG: "off",
      WT_ALLOWED_ORIGINS: "https://a.example, https://b.example",
      WT_SOMETHING_ELSE: "ignored",
    };
    expect(ServerConfig.fromEnvironment("WT_", environment).values).toMatchObject({
      bindHost: "::",
      maxSessions: 7,
      accessLog: false,
      allowedOrigins: ["https://a.example", "https://b.example"],
    });
    expect(() => ServerConfig.fromEnvironment("WT_", { WT_MAX_SESSIONS: "many" })).toThrow(/maxSessions/);
  });

  it("never shows a private key", () => {
    const secret = "-----BEGIN PRIVATE KEY-----";
    const config = ServerConfig.create({ cert: "chain", key: secret, sni: { a: { cert: "c", key: secret } } });
    expect(config.toObject()).toMatchObject({ cert: "chain", key: "[hidden]" });
    for (const shown of [JSON.stringify(config), inspect(config)]) expect(shown).not.toContain("PRIVATE");
  });
});

describe("ServerConfig.createForProduction()", () => {
  const files = { certfile: "cert.pem", keyfile: "key.pem" };
  const address = { bindHost: "::", bindPort: 443 };

  it("asks for client certificates when there are authorities for them, unless it is told otherwise", () => {
    const { values } = ServerConfig.createForProduction({ ...address, ...files });
    expect(values).toMatchObject({ ...address, ...files, verifyMode: "none", logLevel: "info" });
    const caCerts = "PEM";
    expect(ServerConfig.createForProduction({ ...address, ...files, caCerts }).values.verifyMode).toBe("optional");
    const required = { ...address, cert: "PEM", key: "PEM", caCerts, verifyMode: "required" } as const;
    expect(ServerConfig.createForProduction(required).values).toMatchObject(required);
  });

  it("names what is missing; where types are checked, that does not compile", () => {
    // @ts-expect-error There is no address.
    expect(() => ServerConfig.createForProduction(files)).toThrow(/bindHost.*is missing/);
    // @ts-expect-error There is no port.
    expect(() => ServerConfig.createForProduction({ ...files, bindHost: "::" })).toThrow(/bindPort.*is missing/);
    // @ts-expect-error There is no certificate.
    expect(() => ServerConfig.createForProduction(address)).toThrow(/certfile.*is missing/);
    // @ts-expect-error There is no key.
    expect(() => ServerConfig.createForProduction({ ...address, certfile: "cert.pem" })).toThrow(/key.*is missing/);
  });
});
