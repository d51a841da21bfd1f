/** RFC 9114 §4.2.2: header sections that are not sent, because the peer has said that it takes none of their size. */
import { ClientError, ConfigurationError } from "../../errors/errors.ts";
import type { FieldSectionExcess } from "../../protocol/webtransport/peer.ts";

export function requestTooLarge(excess: FieldSectionExcess): ClientError {
  const text = `Cannot open a session: its ${sizes(excess, "server")}. Shorten the URL, the headers or the subprotocols`;
  return new ClientError(text, { handshakeStage: "http", details: { ...excess } });
}

export function responseTooLarge(excess: FieldSectionExcess): ConfigurationError {
  const text = `Cannot answer the session request with these headers: the answer's ${sizes(excess, "client")}`;
  return new ConfigurationError(text, { configKey: "headers", details: { ...excess } });
}

function sizes({ size, limit }: FieldSectionExcess, who: "client" | "server"): string {
  return `header section counts ${size} bytes, and the ${who} takes no more than ${limit} (SETTINGS_MAX_FIELD_SECTION_SIZE)`;
}
