import { describe, expect, it } from "vitest";

import { ServerApp } from "../../../src/server/app.ts";
import { createTestPair } from "../../../src/testing/index.ts";

const config = { logLevel: "silent" } as const;
const outOfRange = [-1, 2 ** 32, 1.5, NaN];

describe("a close with a code out of its range", () => {
  it("is refused at the call, and nothing has begun to close", async () => {
    const app = new ServerApp({ config });
    const hooks: string[] = [];
    app.onShutdown(() => hooks.push("shutdown"));
    app.route("/", (session) => session.closed);
    const pair = await createTestPair(app);
    const client = await pair.connect("/");
    const [connection] = app.server.connections;
    for (const code of outOfRange) {
      expect(() => app.close({ code, timeout: 0 })).toThrow(RangeError);
      expect(() => app.server.close({ code, timeout: 0 })).toThrow(RangeError);
      expect(() => connection?.close({ code, abort: true })).toThrow(RangeError);
    }
    expect(app.server.isServing).toBe(true);
    expect(connection?.state).toBe("connected");
    await app.close({ code: 2 ** 32 - 1, reason: "over", timeout: 0 });
    expect(await client.closed).toMatchObject({ clean: true, by: "peer" });
    expect(hooks).toEqual(["shutdown"]);
    await app.server.serveForever();
  });
});
