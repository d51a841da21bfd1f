import { contentTypes, formatFor } from "../prometheus/exposition.ts";
import { dashboardRoutes } from "../dashboard/routes.ts";
import { answer, answerJson } from "./exchange.ts";
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
 * Whether the process should live on. A server that is overloaded or drains is alive: whoever restarted it would make it
 * worse. One that has served and does so no more, without being closed now, is not.
 */
const livenessRoute: MonitorRoute = {
  path: "/healthz",
  isOpen: true,
  handle: (exchange) => {
    const { isServing, isDraining, hasServed } = exchange.monitor.target;
    const isAlive = isServing || isDraining || !hasServed;
    answerJson(exchange, isAlive ? 200 : 503, { status: isAlive ? "alive" : "not serving" });
  },
};

/** Whether new clients should come here. */
const readinessRoute: MonitorRoute = {
  path: "/readyz",
  isOpen: true,
  handle: (exchange) => {
    const { isServing, isDraining } = exchange.monitor.target;
    const isReady = isServing && !isDraining;
    const status = isReady ? "ready" : isDraining ? "draining" : "not serving";
    answerJson(exchange, isReady ? 200 : 503, { status });
  },
};

/** Every route, the first that matches first. */
export const monitorRoutes: readonly MonitorRoute[] = [metricsRoute, livenessRoute, readinessRoute, ...dashboardRoutes];
