import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { echoHandler } from "../../../src/server/handlers.ts";

import { FlightCountingRelay } from "./flight-counting-relay.ts";
import { certificate, echoed, LocalServer } from "./local-server.ts";

describe("the round trips of a new session", () => {
  let server: LocalServer;
  let relay: FlightCountingRelay;

  beforeAll(async () => {
    server = await LocalServer.start((app) => app.route("/echo", echoHandler));
    relay = await FlightCountingRelay.start(server.port, 50);
  });
  afterAll(async () => {
    await server.close();
    relay.close();
  });

  it("are two: the session is ready with the second flight that the server sends", async () => {
    const session = await connect(`https://127.0.0.1:${relay.port}/echo`, {
      serverCertificateHashes: [certificate.certificateHash],
    });
    // 1 Initial; 2 the server's handshake and SETTINGS; 3 the client's Finished and CONNECT; 4 the answer.
    expect(relay.flightsSeenByClient).toBe(4);
    expect(await echoed(session, "through the relay")).toBe("through the relay");
    await session.close();
    await server.empty();
  });
});
