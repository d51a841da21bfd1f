import { ServerError } from "../../errors/errors.ts";
import type { ServerApp } from "../../server/app.ts";

/** Milliseconds: an alert is told soon while somebody works at the app. */
const developmentInterval = 5000;

export interface ServedMonitor {
  /** Of the dashboard. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The dashboard of an app on localhost. Rejects with ServerError. */
export async function serveMonitor(app: ServerApp, port: number, monitoringInterval?: number): Promise<ServedMonitor> {
  const { ServerMonitor } = await import("../../monitor/server-monitor.ts");
  const monitor = new ServerMonitor(app, { ...(monitoringInterval !== undefined && { monitoringInterval }) });
  try {
    const { url } = await monitor.serve({ port });
    return { url, stop: () => monitor.stop() };
  } catch (error) {
    await monitor.stop();
    throw error;
  }
}

/** As {@link serveMonitor}; a port that is in use is replaced by a free one. */
export async function serveDevelopmentMonitor(app: ServerApp, port: number): Promise<ServedMonitor> {
  try {
    return await serveMonitor(app, port, developmentInterval);
  } catch (error) {
    if (!(error instanceof ServerError) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== "EADDRINUSE") {
      throw error;
    }
    return serveMonitor(app, 0, developmentInterval);
  }
}
