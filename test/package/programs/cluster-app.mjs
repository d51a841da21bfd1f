// The application that cluster.mjs runs in each worker.
import { ServerApp } from "tswebtransport";

export default (config) => {
  const app = new ServerApp({ config });
  app.route("/pid", async (session) => {
    await session.datagrams.send(String(process.pid));
    await session.closed;
  });
  return app;
};
