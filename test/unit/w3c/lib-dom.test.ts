/**
 * The class against TypeScript's own types of WebTransport (lib.dom): code that is written for those takes ours. This file
 * tests when it is compiled.
 */
import { describe, expectTypeOf, it } from "vitest";

import type * as w3c from "../../../src/w3c/index.ts";

type Assignable<From, To> = [From] extends [To] ? true : false;

describe("tswebtransport/w3c", () => {
  it("is assignable to lib.dom's WebTransport, with its streams, datagrams and errors", () => {
    expectTypeOf<Assignable<w3c.WebTransport, WebTransport>>().toEqualTypeOf<true>();
    expectTypeOf<Assignable<typeof w3c.WebTransport, typeof WebTransport>>().toEqualTypeOf<true>();
    expectTypeOf<
      Assignable<w3c.WebTransportBidirectionalStream, WebTransportBidirectionalStream>
    >().toEqualTypeOf<true>();
    expectTypeOf<
      Assignable<w3c.WebTransportDatagramDuplexStream, WebTransportDatagramDuplexStream>
    >().toEqualTypeOf<true>();
    expectTypeOf<Assignable<w3c.WebTransportError, WebTransportError>>().toEqualTypeOf<true>();
    expectTypeOf<Assignable<typeof w3c.WebTransportError, typeof WebTransportError>>().toEqualTypeOf<true>();
  });

  it("takes lib.dom's dictionaries", () => {
    expectTypeOf<Assignable<WebTransportCloseInfo, w3c.WebTransportCloseInfo>>().toEqualTypeOf<true>();
    expectTypeOf<Assignable<WebTransportErrorOptions, w3c.WebTransportErrorOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Assignable<WebTransportSendStreamOptions, w3c.WebTransportSendStreamOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Assignable<WebTransportOptions, w3c.WebTransportOptions>>().toEqualTypeOf<true>();
  });

  it("knows what lib.dom does not yet", () => {
    type Missing = Exclude<keyof w3c.WebTransport, keyof WebTransport>;
    expectTypeOf<Missing>().toEqualTypeOf<
      | "anticipatedConcurrentIncomingBidirectionalStreams"
      | "anticipatedConcurrentIncomingUnidirectionalStreams"
      | "congestionControl"
      | "createSendGroup"
      | "draining"
      | "exportKeyingMaterial"
      | "getStats"
      | "protocol"
      | "reliability"
      | "responseHeaders"
    >();
    type MissingDatagrams = Exclude<keyof w3c.WebTransportDatagramDuplexStream, keyof WebTransportDatagramDuplexStream>;
    expectTypeOf<MissingDatagrams>().toEqualTypeOf<
      "createWritable" | "incomingMaxBufferedDatagrams" | "outgoingMaxBufferedDatagrams"
    >();
  });
});
