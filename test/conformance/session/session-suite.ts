import { describe } from "vitest";

import type { EngineFactory } from "../engine/under-test.ts";

import { closingCases } from "./cases/closing.ts";
import { connectionCases } from "./cases/connections.ts";
import { datagramCases } from "./cases/datagrams.ts";
import { endingCases } from "./cases/ending.ts";
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
}

/** What sessions keep over every engine, as an application sees it. */
export function describeSessions(name: string, { factory, keepsDatagrams }: SessionsUnderTest): void {
  describe(`sessions over ${name}`, () => {
    openingCases(factory);
    streamCases(factory);
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
