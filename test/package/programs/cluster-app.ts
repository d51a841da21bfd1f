// The application that cluster.mjs runs in each worker, in TypeScript: with types that have to be taken off.
import { ServerApp } from "tswebtransport";
import type { ServerConfig, WebTransportSession } from "tswebtransport";

interface Teller {
  tell(session: WebTransportSession): Promise<void>;
}

const teller: Teller = {
  async tell(session: WebTransportSession): Promise<void> {
    await session.datagrams.send(String(process.pid));
    await session.closed;
  },
};

export default (config: ServerConfig): ServerApp => {
  const app = new ServerApp({ config });
  app.route("/pid", (session) => teller.tell(session));
  return app;
};
