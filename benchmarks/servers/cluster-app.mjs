// Each worker of the cluster's benchmark.
import { ServerApp } from "../../dist/index.js";

import { addRoutes } from "./routes.mjs";

export default (config) => {
  const app = new ServerApp({ config });
  addRoutes(app);
  return app;
};
