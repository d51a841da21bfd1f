import { nativeEngine } from "../../../src/engine/native/native-engine.ts";

import { UdpRelay } from "./udp-relay.ts";
import type { EngineFactory } from "./under-test.ts";

export function nativeUnderTest(waker: "uv" | "poll"): EngineFactory {
  return () => {
    const relays: UdpRelay[] = [];
    return {
      engine: nativeEngine({ waker }),
      scale: 1,
      time: {},
      path: async (server) => {
        const relay = await UdpRelay.to(server);
        relays.push(relay);
        return relay;
      },
      elapse: async () => {},
      close: async () => {
        await Promise.all(relays.map((relay) => relay.close()));
      },
    };
  };
}
