/** The source of an app that answers each session at /version with its version. */
export function appOf(version: string): string {
  return `
import { ServerApp } from "tswebtransport";
const app = new ServerApp();
app.route("/version", async (session) => {
  const stream = await session.createUnidirectionalStream();
  await stream.writeAll(${JSON.stringify(version)});
});
export default app;
`;
}

/** The same as a function of the configuration. */
export function factoryOf(version: string): string {
  return `
import { ServerApp } from "tswebtransport";
export default (config) => {
  const app = new ServerApp({ config });
  app.route("/version", async (session) => {
    const stream = await session.createUnidirectionalStream();
    await stream.writeAll(${JSON.stringify(version)});
  });
  return app;
};
`;
}
