import { describe } from "vitest";

import type { EngineFactory } from "../engine/under-test.ts";

import { burstCases } from "./cases/bursts.ts";
import { closingCases } from "./cases/closing.ts";
import { connectionCases } from "./cases/connections.ts";
import { datagramCases } from "./cases/datagrams.ts";
import { endingCases } from "./cases/ending.ts";
import { headerSizeCases } from "./cases/header-sizes.ts";
import { iterationCases } from "./cases/iteration.ts";
import { openingCases } from "./cases/opening.ts";
import { sharingCases } from "./cases/sharing.ts";
import { streamCases } from "./cases/streams.ts";
import { unreadCases } from "./cases/unread.ts";
import { waitingCases } from "./cases/waiting.ts";
import { webStreamCases } from "./cases/web-streams.ts";

export interface SessionsUnderTest {
  readonly factory: EngineFactory;
  /** Whether every datagram arrives. */
  readonly keepsDatagrams: boolean;
  /** Whether what is sent together arrives together, and what was sent before it no later. */
  readonly keepsOrder: boolean;
}

/** What sessions keep over every engine, as an application sees it. */
export function describeSessions(name: string, { factory, keepsDatagrams, keepsOrder }: SessionsUnderTest): void {
  describe(`sessions over ${name}`, () => {
    openingCases(factory);
    headerSizeCases(factory);
    streamCases(factory);
    burstCases(factory, keepsOrder, keepsDatagrams);
    sharingCases(factory);
    unreadCases(factory);
    waitingCases(factory);
    webStreamCases(factory);
    iterationCases(factory);
    datagramCases(factory, keepsDatagrams);
    closingCases(factory, keepsDatagrams);
    endingCases(factory);
    connectionCases(factory);
  });
}
