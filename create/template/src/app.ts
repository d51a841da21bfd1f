import { ServerApp } from "tswebtransport";
import type { BidirectionalStream, ServerConfig } from "tswebtransport";

/** What `tswebtransport dev` and `tswebtransport serve` call with their configuration, and the test without one. */
export default function createApp(config?: ServerConfig): ServerApp {
  const app = new ServerApp(config === undefined ? {} : { config });

  // A session lives as long as its handler: here, until the client closes it.
  app.route("/shout", async (session) => {
    for await (const stream of session.incomingBidirectionalStreams) {
      // Without waiting for it: streams do not hold each other up.
      answer(stream).catch(() => stream.reset());
    }
  });

  return app;
}

async function answer(stream: BidirectionalStream): Promise<void> {
  const line = await stream.readLine();
  await stream.writeAll(`${(line ?? "").toUpperCase()}!`);
}
