/** A process may have two copies of the package: an application's, and that of a package which it uses. */
import { beforeAll, describe, expect, it, vi } from "vitest";

import type * as Copy from "../../../src/index.ts";
import { ConfigurationError } from "../../../src/errors/errors.ts";
import { ServerConfig } from "../../../src/config/server-config.ts";
import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { createTestPair } from "../../../src/testing/index.ts";

const config = { logLevel: "silent" } as const;
let other: typeof Copy;

beforeAll(async () => {
  vi.resetModules();
  other = await import("../../../src/index.ts");
  expect(other.ServerApp).not.toBe(ServerApp);
});

describe("Of another copy of the package", () => {
  it("an app, a server and a configuration are refused as what they are", () => {
    const app = new other.ServerApp({ config });
    const calls = [
      () => new ServerApp({ config }).mount("/", app),
      () => new ServerMonitor(app),
      () => new ServerMonitor(app.server),
      () => ServerConfig.create(other.ServerConfig.create(config)),
    ];
    for (const call of calls) {
      expect(call).toThrow(ConfigurationError);
      expect(call).toThrow("of this copy of tswebtransport: the process has two");
    }
  });

  it("an HttpError that middleware throws has its status", async () => {
    const app = new ServerApp({ config });
    app.middleware(() => {
      throw new other.HttpError(429);
    });
    app.route("/", (session) => session.closed);
    await using pair = await createTestPair(app);
    await expect(pair.connect("/")).rejects.toMatchObject({ name: "HttpError", status: 429 });
  });
});
