import { describe } from "vitest";

import { certificateCases } from "./cases/certificates.ts";
import { createEndpointCases } from "./cases/create-endpoint.ts";
import { creditCases } from "./cases/credit.ts";
import { datagramCases } from "./cases/datagrams.ts";
import { endingCases } from "./cases/ending.ts";
import { endpointCases } from "./cases/endpoints.ts";
import { handshakeCases } from "./cases/handshake.ts";
import { handshakeFailureCases } from "./cases/handshake-failures.ts";
import { limitCases } from "./cases/limits.ts";
import { resetCases } from "./cases/resets.ts";
import { ruleCases } from "./cases/rules.ts";
import { sendingCases } from "./cases/sending.ts";
import { streamCases } from "./cases/streams.ts";
import { surveyCases } from "./cases/survey.ts";
import type { EngineFactory } from "./under-test.ts";

/** What every engine keeps: each sentence of `src/engine/engine.ts`. */
export function describeEngine(name: string, factory: EngineFactory): void {
  describe(`engine contract: ${name}`, () => {
    ruleCases(factory);
    createEndpointCases(factory);
    endpointCases(factory);
    handshakeCases(factory);
    handshakeFailureCases(factory);
    certificateCases(factory);
    streamCases(factory);
    sendingCases(factory);
    creditCases(factory);
    resetCases(factory);
    limitCases(factory);
    datagramCases(factory);
    surveyCases(factory);
    endingCases(factory);
  });
}
