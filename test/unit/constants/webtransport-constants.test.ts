import { describe, expect, it } from "vitest";

import { Defaults } from "../../../src/client/defaults.ts";
import { ClientConfig } from "../../../src/client/client-config.ts";
import { ServerConfig } from "../../../src/config/server-config.ts";
import { WebTransportConstants } from "../../../src/constants/webtransport-constants.ts";

describe("WebTransportConstants", () => {
  it("has the numbers of the specifications", () => {
    expect(Object.isFrozen(WebTransportConstants)).toBe(true);
    expect(Object.values(WebTransportConstants)).not.toContain(undefined);
    expect(WebTransportConstants).toMatchObject({
      ALPN_H3: "h3",
      H3_FRAME_TYPE_WEBTRANSPORT_STREAM: 0x41,
      H3_STREAM_TYPE_WEBTRANSPORT: 0x54,
      SETTINGS_H3_DATAGRAM: 0x33,
      SETTINGS_WT_ENABLED: 0x2c7cf000,
      CLOSE_WEBTRANSPORT_SESSION_TYPE: 0x2843,
      DRAIN_WEBTRANSPORT_SESSION_TYPE: 0x78ae,
      WT_MAX_DATA_TYPE: 0x190b4d3d,
      MAX_STREAM_ID: 4_611_686_018_427_387_903n,
      WT_APPLICATION_ERROR_FIRST: 0x52e4a40fa8dbn,
      WT_APPLICATION_ERROR_LAST: 0x52e5ac983162n,
    });
  });
});

describe("Defaults", () => {
  it("are what a configuration without options has, and can be given to one", () => {
    const server = Defaults.getServerConfig();
    expect(server).toMatchObject({ bindHost: "localhost", bindPort: 4433, maxConnections: 10_000, verifyMode: "none" });
    expect(ServerConfig.create(server).toObject()).toEqual(ServerConfig.create().toObject());
    const client = Defaults.getClientConfig();
    expect(client).toMatchObject({ connectTimeout: 30_000, maxRetries: 3, retryBackoff: 2 });
    expect(ClientConfig.create(client).toObject()).toEqual(ClientConfig.create().toObject());
    expect(Object.values({ ...server, ...client })).not.toContain(undefined);
  });
});
