import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { echoHandler } from "../../../src/server/handlers.ts";

import { echoed, LocalServer } from "./local-server.ts";

describe("100 sessions at once", () => {
  let server: LocalServer;

  beforeAll(async () => {
    server = await LocalServer.start((app) => app.route("/echo", echoHandler));
  });
  afterAll(() => server.close());

  it("each get their own echoes over streams of both kinds", async () => {
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    const sessions = await Promise.all(numbers.map(() => server.connect("/echo")));
    expect(server.stats).toMatchObject({ sessions: 100, connections: 100 });
    const echoes = await Promise.all(
      sessions.map(async (session, number) => {
        const outgoing = await session.createUnidirectionalStream();
        await outgoing.writeAll(`one way ${number}`);
        const incoming = await session.incomingUnidirectionalStreams.next();
        const oneWay = new TextDecoder().decode(await incoming!.readAll());
        return [await echoed(session, `both ways ${number}`), oneWay];
      }),
    );
    expect(echoes).toEqual(numbers.map((number) => [`both ways ${number}`, `one way ${number}`]));
    await Promise.all(sessions.map((session) => session.close()));
    await server.empty();
  }, 120_000);
});
