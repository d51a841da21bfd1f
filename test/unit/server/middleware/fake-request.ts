import type { HeaderList } from "../../../../src/protocol/output.ts";
import { IncomingSession } from "../../../../src/transport/session/request.ts";
import type { RequestAnswerer } from "../../../../src/transport/session/request.ts";
import type { Connection } from "../../../../src/transport/types.ts";

export interface FakeRequestOptions {
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string;
}

/** A request that nobody has sent: what middleware needs of one. */
export function fakeRequest<Locals = Record<string, unknown>>(
  options: FakeRequestOptions = {},
): IncomingSession<Locals> {
  const url = new URL(options.url ?? "https://localhost:4433/chat?room=1");
  const host = options.host ?? "127.0.0.1";
  const rawHeaders: HeaderList = [
    [":method", "CONNECT"],
    [":authority", url.host],
    [":path", url.pathname + url.search],
    ...Object.entries(options.headers ?? {}),
  ];
  const answers: Partial<RequestAnswerer> = { reject: () => {} };
  const remoteAddress = { host, port: 50_000, family: host.includes(":") ? 6 : 4 };
  return new IncomingSession<Locals>({
    sessionId: 0,
    rawHeaders,
    url,
    protocols: [],
    connection: { remoteAddress } as Connection,
    answerer: answers as RequestAnswerer,
  });
}
