import { contentTypes, formatFor } from "../prometheus/exposition.ts";
import { dashboardRoutes } from "../dashboard/routes.ts";
import { answer, answerJson } from "./exchange.ts";
import type { MonitorTarget } from "../target.ts";
import type { MonitorRoute } from "./exchange.ts";

/** What Prometheus scrapes. */
const metricsRoute: MonitorRoute = {
  path: "/metrics",
  handle: async (exchange) => {
    const format = formatFor(exchange.request.headers.accept);
    const text = await exchange.monitor.toPrometheus({ format });
    answer(exchange, 200, text, { "content-type": contentTypes[format], vary: "accept" });
  },
};

/**
 * Whether the process should live on. A server that is overloaded or drains is alive, and so is a cluster that replaces its
 * workers: a restart would make it worse. One that has ended by itself, or was closed, is not.
 */
const livenessRoute: MonitorRoute = {
  path: "/healthz",
  isOpen: true,
  handle: (exchange) => {
    const { isAlive } = exchange.monitor.target;
    answerJson(exchange, isAlive ? 200 : 503, { status: isAlive ? "alive" : "not serving" });
  },
};

/** Whether new clients should come here. */
const readinessRoute: MonitorRoute = {
  path: "/readyz",
  isOpen: true,
  handle: (exchange) => {
    const status = readiness(exchange.monitor.target);
    answerJson(exchange, status === "ready" ? 200 : 503, { status });
  },
};

function readiness({ isServing, isDraining, hasServed, isAlive }: MonitorTarget): string {
  if (isDraining) return "draining";
  if (isServing) return "ready";
  if (!hasServed) return "starting";
  return isAlive ? "recovering" : "not serving";
}

/** Every route, the first that matches first. */
export const monitorRoutes: readonly MonitorRoute[] = [metricsRoute, livenessRoute, readinessRoute, ...dashboardRoutes];
