import type { RefusedRequest } from "../../transport/connection/owner.ts";
import type { Rejection, RejectionKind } from "../../transport/session/request.ts";

import type { LogSubject } from "../access-log.ts";

export interface CoreRejection {
  readonly subject: LogSubject;
  readonly rejection: Omit<Rejection, "headers">;
}

const kinds: Readonly<Record<RefusedRequest["cause"], RejectionKind>> = {
  origins: "malformed",
  url: "malformed",
  authority: "authority",
  sessions: "max_sessions_per_connection",
  headers: "headers",
  closing: "closing",
};

/** What the transport has turned down, in the words of the log and of the statistics. */
export function rejectionOfCore(
  refused: RefusedRequest,
  limits: { readonly maxSessionsPerConnection: number },
): CoreRejection {
  const { status, cause, headers, remoteAddress } = refused;
  const field = (name: string): string => headers.find(([key]) => key === name)?.[1] ?? "";
  const [path = ""] = field(":path").split("?");
  const reasons: Readonly<Record<RefusedRequest["cause"], () => string>> = {
    origins: () => `it has ${headers.filter(([key]) => key === "origin").length} origins`,
    url: () => `"${field(":authority")}${path}" is no URL`,
    authority: () => `${field(":authority")} is not in authorities`,
    sessions: () => `maxSessionsPerConnection (${limits.maxSessionsPerConnection}) is reached`,
    headers: () => "its headers are larger, or more, than this server takes",
    closing: () => "the connection is being closed",
  };
  const rejection = { status, kind: kinds[cause], reason: reasons[cause](), cause: undefined };
  return { subject: { path, remoteAddress }, rejection };
}
