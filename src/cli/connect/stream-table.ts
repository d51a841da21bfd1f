import type { BidirectionalStream, ReceiveSide, ReceiveStream, SendSide, SendStream } from "../../transport/types.ts";
import { StreamError } from "../../errors/errors.ts";

import { dataText } from "./session-texts.ts";

export type AnyStream = BidirectionalStream | SendStream | ReceiveStream;

/** The session's streams by the numbers that the user knows them by; tells what arrives on them. */
export class StreamTable {
  readonly #streams = new Map<number, AnyStream>();
  readonly #show: (line: string) => void;
  #last = 0;

  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  /** Gives the stream a number. `read` resolves when everything of it has been shown. */
  add(stream: AnyStream): { readonly number: number; readonly read: Promise<void> } {
    this.#last += 1;
    const number = this.#last;
    this.#streams.set(number, stream);
    const half = receiving(stream);
    return { number, read: half === undefined ? Promise.resolve() : this.#read(number, half) };
  }

  sending(number: number): SendSide | undefined {
    const stream = this.#streams.get(number);
    return stream === undefined || stream.direction === "receive_only" ? undefined : stream;
  }

  receiving(number: number): ReceiveSide | undefined {
    return receiving(this.#streams.get(number));
  }

  lines(): string[] {
    return [...this.#streams].map(([number, stream]) => {
      const read = stream.direction === "send_only" ? "" : `, ${stream.bytesRead} bytes read`;
      const written = stream.direction === "receive_only" ? "" : `, ${stream.bytesWritten} bytes written`;
      return `#${number} ${stream.direction}, ${stream.state}${written}${read}`;
    });
  }

  async #read(number: number, half: ReceiveSide): Promise<void> {
    try {
      for await (const chunk of half) this.#show(`#${number} ◀ ${dataText(chunk)}`);
      this.#show(`#${number} ended by the server`);
    } catch (error) {
      // The session's end is told by itself.
      if (!(error instanceof StreamError)) return;
      const { streamErrorCode: code, message } = error;
      this.#show(code === null ? `#${number} ended: ${message}` : `#${number} was reset with code ${code}`);
    }
  }
}

function receiving(stream: AnyStream | undefined): ReceiveSide | undefined {
  return stream === undefined || stream.direction === "send_only" ? undefined : stream;
}
