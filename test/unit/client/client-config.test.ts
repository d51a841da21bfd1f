import { inspect } from "node:util";
import { describe, expect, it } from "vitest";

import { ClientConfig } from "../../../src/client/client-config.ts";
import type { ClientConfigOptions } from "../../../src/client/client-config.ts";
import { ConfigurationError } from "../../../src/errors/errors.ts";

const hash = { algorithm: "sha-256", value: new Uint8Array(32).fill(0xab) };

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe("ClientConfig", () => {
  it("has the reference's defaults", () => {
    expect(ClientConfig.create().values).toMatchObject({
      connectTimeout: 30_000,
      streamCreationTimeout: 10_000,
      closeTimeout: 5000,
      maxRetries: 3,
      retryDelay: 1000,
      retryBackoff: 2,
      maxRetryDelay: 30_000,
      verifyMode: "required",
      insecure: false,
    });
  });

  it.each([
    ["maxRetries", { maxRetries: -1 }],
    ["retryBackoff", { retryBackoff: 0.5 }],
    ["connectTimeout", { connectTimeout: 1.5 }],
    ["insecure", { insecure: "yes" }],
    ["verifyMode", { verifyMode: "optional" }],
    ["protocols", { protocols: ["chat", "chat"] }],
    ["protocols", { protocols: [""] }],
    ["protocols", { protocols: ["é"] }],
    ["protocols", { protocols: ["x".repeat(513)] }],
    ["headers", { headers: { "bad name": "x" } }],
    ["serverCertificateHashes", { serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(31) }] }],
    ["serverCertificateHashes", { serverCertificateHashes: [{ value: new Uint8Array(32) }] }],
    ["key", { cert: "x" }],
    ["cert", { keyfile: "x" }],
    ["certfile", { cert: "x", certfile: "y", key: "z" }],
    ["caCerts", { ca: "x", caCerts: "y" }],
    ["allowPooling", { allowPooling: true, serverCertificateHashes: [hash] }],
    ["colour", { colour: "red" }],
  ])("refuses a bad %s with an error that names it", (configKey, options) => {
    const make = (): ClientConfig => ClientConfig.create(options as ClientConfigOptions);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(expect.objectContaining({ code: "ERR_WT_CONFIGURATION", configKey }));
  });

  it("names the option that was probably meant", () => {
    expect(() => ClientConfig.create({ maxRetry: 1 } as ClientConfigOptions)).toThrow(
      "maxRetry is not an option of ClientConfig; did you mean maxRetries?",
    );
    expect(() => ClientConfig.create({ toString: 1 } as unknown as ClientConfigOptions)).toThrow("not an option");
  });

  it("ignores hashes of algorithms that it does not know, whatever their length", () => {
    const unknown = { algorithm: "sha-512", value: new Uint8Array(64) };
    expect(
      ClientConfig.create({ serverCertificateHashes: [unknown, hash] }).values.serverCertificateHashes,
    ).toHaveLength(2);
  });

  it("is frozen, and update(), merge() and copy() give others", () => {
    const config = ClientConfig.create({ maxRetries: 1, insecure: true });
    expect(Object.isFrozen(config) && Object.isFrozen(config.values)).toBe(true);
    expect(config.update({ maxRetries: 2 }).values).toMatchObject({ maxRetries: 2, insecure: true });
    expect(config.merge(ClientConfig.create({ retryDelay: 5 })).values).toMatchObject({ maxRetries: 1, retryDelay: 5 });
    expect(config.copy()).not.toBe(config);
    expect(config.copy().values).toEqual(config.values);
    expect(config.values.maxRetries).toBe(1);
  });

  it("captures what its caller may change later", () => {
    const value = new Uint8Array(32).fill(1);
    const headers = new Headers({ origin: "https://app.example" });
    const config = ClientConfig.create({ serverCertificateHashes: [{ algorithm: "sha-256", value }], headers });
    value.fill(2);
    headers.set("origin", "https://other.example");
    expect(config.toObject()).toMatchObject({
      serverCertificateHashes: [{ value: "01".repeat(32) }],
      headers: { origin: "https://app.example" },
    });
  });

  it("keeps what update() is given as undefined", () => {
    expect(ClientConfig.create({ ca: "x" }).update({ ca: undefined } as object).values.ca).toBe("x");
  });

  it.each([{ authorization: "Bearer secret-token\nx" }, [["authorization", "Bearer secret-token\nx"]]] as const)(
    "names a malformed header, and does not show its value: %#",
    (headers) => {
      const error = caught(() => ClientConfig.create({ headers }));
      expect(error).toMatchObject({
        configKey: "headers",
        message: expect.stringContaining('"authorization" is malformed') as string,
      });
      expect(inspect(error)).not.toContain("secret");
    },
  );

  it.each([
    [{ Connection: "secret" }, '"connection" is not: it belongs to HTTP/1.1'],
    [{ te: "secret" }, '"te" is not: its only value is "trailers"'],
    [{ "content-length": "5" }, '"content-length" is not'],
  ])("refuses fields that HTTP/3 does not have: %j", (headers, text) => {
    const error = caught(() => ClientConfig.create({ headers }));
    expect(error).toMatchObject({ configKey: "headers", message: expect.stringContaining(text) as string });
    expect(inspect(error)).not.toContain("secret");
  });

  it("shows neither the private key nor credentials in headers", () => {
    const headers = { authorization: "Bearer secret-token", origin: "https://app.example" };
    const config = ClientConfig.create({ cert: "certificate", key: "secret-key", headers });
    for (const shown of [inspect(config), JSON.stringify(config), JSON.stringify(config.toObject())]) {
      expect(shown).not.toContain("secret");
      expect(shown).toContain("https://app.example");
    }
  });

  it("does not repeat the key in an error", () => {
    expect(() => ClientConfig.create({ cert: "c", key: 5 } as unknown as ClientConfigOptions)).toThrow(/\[hidden\]/);
  });

  it("comes back from its own plain data", () => {
    const config = ClientConfig.create({ serverCertificateHashes: [hash], maxRetries: 7, protocols: ["a"] });
    const data = JSON.parse(JSON.stringify(config)) as Record<string, unknown>;
    const again = ClientConfig.fromObject(data);
    expect(again.toObject()).toEqual(config.toObject());
    expect(data["serverCertificateHashes"]).toEqual([{ algorithm: "sha-256", value: "ab".repeat(32) }]);
  });

  it("comes from the environment, and names what is wrong there", () => {
    const environment = {
      WT_MAX_RETRIES: "5",
      WT_INSECURE: "true",
      WT_PROTOCOLS: "chat.v2, chat.v1",
      WT_SERVER_CERTIFICATE_HASHES: "AB:".repeat(31) + "AB",
      WT_BIND_PORT: "4433",
      WT_RETRY_DELAY: "",
    };
    expect(ClientConfig.fromEnvironment("WT_", environment).values).toMatchObject({
      maxRetries: 5,
      insecure: true,
      protocols: ["chat.v2", "chat.v1"],
      serverCertificateHashes: [hash],
      retryDelay: 1000,
    });
    const bad = (variables: Record<string, string>) => () => ClientConfig.fromEnvironment("X_", variables);
    expect(bad({ X_MAX_RETRIES: "many" })).toThrow(expect.objectContaining({ configKey: "maxRetries" }));
    expect(bad({ X_INSECURE: "perhaps" })).toThrow(expect.objectContaining({ configKey: "insecure" }));
  });
});
