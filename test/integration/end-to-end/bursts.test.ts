import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { LocalServer } from "./local-server.ts";

const count = 30;

describe("streams that a handler opens as soon as it has its session", () => {
  let server: LocalServer;

  beforeAll(async () => {
    server = await LocalServer.start((app) =>
      app.route("/burst", async (session) => {
        for (let index = 0; index < count; index += 1) {
          void session.createUnidirectionalStream().then((stream) => stream.writeAll(`u${index}`));
          void session.createBidirectionalStream().then((stream) => stream.writeAll(`b${index}`));
        }
        await session.closed;
      }),
    );
  });
  afterAll(async () => {
    await server.close();
  });

  it("arrive all at a client that has just sent its request", async () => {
    const session = await server.connect("/burst");
    const texts: string[] = [];
    for (let index = 0; index < count; index += 1) {
      for (const streams of [session.incomingUnidirectionalStreams, session.incomingBidirectionalStreams]) {
        texts.push(new TextDecoder().decode(await (await streams.next())?.readAll()));
      }
    }
    const all = Array.from({ length: count }, (_, index) => [`u${index}`, `b${index}`]).flat();
    expect(texts.sort()).toEqual(all.sort());
    await session.close();
  });
});
