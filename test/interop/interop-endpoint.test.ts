import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { makeIdentity, Program, type Identity } from "./interop-process.ts";

const kinds = ["unidirectional", "bidirectional", "datagram"] as const;
const endpoints = ["first", "second"];

let identity: Identity;
let runs = 0;

beforeAll(async () => {
  identity = await makeIdentity();
});
afterAll(async () => {
  await rm(identity.folder, { recursive: true, force: true });
});

/** Both roles against each other, each with folders of its own. */
async function run(
  server: Readonly<Record<string, string>>,
  client: (origin: string) => Readonly<Record<string, string>>,
) {
  runs += 1;
  const folder = (name: string): string => join(identity.folder, `run-${runs}-${name}`);
  const common = { CERTS: identity.folder };
  const serving = { ...common, WWW: folder("server-www"), DOWNLOADS: folder("server-downloads") };
  const asking = { ...common, WWW: folder("client-www"), DOWNLOADS: folder("client-downloads") };
  const files = new Map<string, Buffer>();
  for (const www of [serving.WWW, asking.WWW]) {
    for (const endpoint of endpoints) {
      await mkdir(join(www, endpoint), { recursive: true });
      for (const [name, size] of [
        ["large.bin", 300_000],
        ["small.bin", 900],
      ] as const) {
        const data = randomBytes(size);
        files.set(join(www, endpoint, name), data);
        await writeFile(join(www, endpoint, name), data);
      }
    }
  }
  const endpoint = new Program("interop-endpoint", [], {
    ROLE: "server",
    LISTEN: "127.0.0.1:0",
    ...serving,
    ...server,
  });
  const environment = client(`https://${await endpoint.address()}`);
  const peer = new Program("interop-endpoint", [], { ROLE: "client", ...asking, ...environment });
  const codes = [await peer.exited, await endpoint.exited];
  return { codes, files, serving, asking, errors: peer.errors + endpoint.errors };
}

describe("the endpoint of quic-interop-runner", () => {
  it("writes the subprotocol that the client prefers, on both sides", async () => {
    const { codes, serving, asking } = await run({ TESTCASE: "handshake", PROTOCOLS: "one two" }, (origin) => ({
      TESTCASE: "handshake",
      REQUESTS: `${origin}/first`,
      PROTOCOLS: "none two one",
    }));
    expect(codes).toEqual([0, 0]);
    for (const { DOWNLOADS } of [serving, asking]) {
      expect(await readFile(join(DOWNLOADS, "negotiated_protocol.txt"), "utf8")).toBe("two");
    }
  });

  for (const kind of kinds) {
    const names = kind === "datagram" ? ["small.bin"] : ["large.bin", "small.bin"];
    const requests = endpoints.flatMap((endpoint) => names.map((name) => `${endpoint}/${name}`));

    it(`fetches files by ${kind} as the client, in two sessions of one connection`, async () => {
      const { codes, files, serving, asking } = await run({ TESTCASE: "transfer" }, (origin) => ({
        TESTCASE: `transfer-${kind}-receive`,
        REQUESTS: requests.map((request) => `${origin}/${request}`).join(" "),
      }));
      expect(codes).toEqual([0, 0]);
      for (const request of requests) {
        expect(await readFile(join(asking.DOWNLOADS, request))).toEqual(files.get(join(serving.WWW, request)));
      }
    });

    it(`fetches files by ${kind} as the server, in two sessions of one connection`, async () => {
      const { codes, files, serving, asking } = await run(
        { TESTCASE: `transfer-${kind}-receive`, REQUESTS: requests.join(" ") },
        (origin) => ({
          TESTCASE: "transfer",
          REQUESTS: endpoints.map((endpoint) => `${origin}/${endpoint}`).join(" "),
        }),
      );
      expect(codes).toEqual([0, 0]);
      for (const request of requests) {
        expect(await readFile(join(serving.DOWNLOADS, request))).toEqual(files.get(join(asking.WWW, request)));
      }
    });
  }

  it("ends with 127 for a test case that it does not know", async () => {
    const program = new Program("interop-endpoint", [], { ROLE: "client", TESTCASE: "transfer-pigeon-receive" });
    expect(await program.exited).toBe(127);
    expect(program.errors).toContain("transfer-pigeon-receive");
  });
});
