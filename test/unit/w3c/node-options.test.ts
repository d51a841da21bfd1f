import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { parseArguments } from "../../../src/w3c/options.ts";

describe("options of WebTransport that are not the W3C's", () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  beforeEach(() => {
    warnings.length = 0;
    process.on("warning", note);
  });
  afterEach(() => {
    process.off("warning", note);
  });

  async function warned(options: object): Promise<string[]> {
    warnings.length = 0;
    parseArguments("https://localhost/", options);
    await new Promise(setImmediate);
    return warnings.map(({ message }) => message);
  }

  it("are taken where connect() has them", async () => {
    const given = { ca: "PEM", cert: "PEM", key: "PEM", serverName: "localhost", connectTimeout: 5 };
    const { nodeOptions } = parseArguments("https://localhost/", { ...given, insecure: undefined, protocols: ["a"] });
    expect(nodeOptions).toEqual(given);
    expect(
      await warned({
        ...given,
        config: {},
        requireUnreliable: true,
        anticipatedConcurrentIncomingUnidirectionalStreams: 1,
      }),
    ).toEqual([]);
  });

  it("are told in a warning where nobody knows them, once of each name, with the nearest one", async () => {
    expect(await warned({ serverCertificateHash: [] })).toEqual([
      "WebTransport has no option serverCertificateHash; did you mean serverCertificateHashes?",
    ]);
    expect(warnings).toMatchObject([{ name: "TSWebTransportWarning", code: "WT_UNKNOWN_OPTION" }]);
    expect(await warned({ serverCertificateHash: [] })).toEqual([]);
    expect(await warned({ CA: "PEM", quux: 1 })).toEqual([
      "WebTransport has no option CA; did you mean ca?",
      "WebTransport has no option quux",
    ]);
  });

  it("are told of in a warning where the class sets them itself", async () => {
    expect(await warned({ maxRetries: 5 })).toEqual([
      "WebTransport has no option maxRetries: the class sets it itself, other than connect() of tswebtransport/client",
    ]);
  });
});
