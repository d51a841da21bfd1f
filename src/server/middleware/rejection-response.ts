import type { RejectionKind } from "../../transport/session/request.ts";
import type { HeadersInput } from "../../transport/types.ts";

/** What a RejectionResponse tells beside its status. */
export interface RejectionResponseOptions {
  /** A sentence for the log: what was wrong, and what mends it. Never sent. */
  readonly reason: string;
  readonly headers?: HeadersInput;
  /** What statistics count it by. Default "middleware". */
  readonly kind?: RejectionKind;
  /** For the log. Never sent. */
  readonly cause?: unknown;
}

/**
 * `Response`, not looked up before one is constructed: at its first mention Node loads its whole implementation of fetch,
 * which takes longer than importing all of the server.
 */
const LazyResponse = function (this: unknown, ...parameters: ConstructorParameters<typeof Response>): object {
  Object.setPrototypeOf(LazyResponse, Response);
  Object.setPrototypeOf(LazyResponse.prototype, Response.prototype);
  return Reflect.construct(Response, parameters, new.target) as object;
} as unknown as typeof Response;

/**
 * A `Response` that also tells the server's log and statistics why it refuses: what the built-in middleware returns.
 *
 * ```ts
 * if (await isBanned(request.remoteAddress)) return new RejectionResponse(403, { reason: "the address is banned" });
 * ```
 */
export class RejectionResponse extends LazyResponse {
  readonly kind: RejectionKind;
  readonly reason: string;
  readonly cause: unknown;

  /** `status`: 300 to 599. Throws RangeError for another, TypeError without a reason. */
  constructor(status: number, options: RejectionResponseOptions) {
    if (!Number.isInteger(status) || status < 300 || status > 599) {
      throw new RangeError(`Cannot refuse with status ${String(status)}: 300 to 599 are allowed`);
    }
    if (typeof (options as RejectionResponseOptions | null | undefined)?.reason !== "string") {
      throw new TypeError("Cannot refuse without a reason, which is a string: the log needs it");
    }
    super(null, { status, headers: new Headers(options.headers as Headers | undefined) });
    this.kind = options.kind ?? "middleware";
    this.reason = options.reason;
    this.cause = options.cause;
  }
}
