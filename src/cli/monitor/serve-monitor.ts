import { ServerError } from "../../errors/errors.ts";
import type { ServerApp } from "../../server/app.ts";

/** Milliseconds: an alert is told soon while somebody works at the app. */
const monitoringInterval = 5000;

export interface ServedMonitor {
  /** Of the dashboard. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The dashboard of an app on localhost; a port that is in use is replaced by a free one. Rejects with ServerError. */
export async function serveDevelopmentMonitor(app: ServerApp, port: number): Promise<ServedMonitor> {
  const { ServerMonitor } = await import("../../monitor/server-monitor.ts");
  const monitor = new ServerMonitor(app, { monitoringInterval });
  try {
    const { url } = await monitor.serve({ port }).catch((error: unknown) => {
      if (!isPortInUse(error)) throw error;
      return monitor.serve({ port: 0 });
    });
    return { url, stop: () => monitor.stop() };
  } catch (error) {
    await monitor.stop();
    throw error;
  }
}

function isPortInUse(error: unknown): boolean {
  return error instanceof ServerError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
}
