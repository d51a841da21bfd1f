/** What can be typed into `connect`: one table. */
import type { WebTransportSession } from "../../transport/session/session.ts";
import type { ReceiveSide, SendSide } from "../../transport/types.ts";

import { tableLines } from "../terminal/table.ts";
import { headerLines, statLines, typedData } from "./session-texts.ts";
import type { StreamTable } from "./stream-table.ts";

export interface SessionConsole {
  readonly session: WebTransportSession;
  readonly streams: StreamTable;
  readonly show: (line: string) => void;
  isOver: boolean;
}

export interface ConsoleCommand {
  readonly usage: string;
  readonly meaning: string;
  run(state: SessionConsole, rest: string): unknown;
}

/** Codes of streams and sessions. */
const greatestCode = 0xffff_ffff;

export const consoleCommands: Readonly<Record<string, ConsoleCommand>> = {
  send: {
    usage: "send TEXT",
    meaning: "TEXT on a bidirectional stream of its own; waits for the whole answer",
    run: async (state, rest) => {
      const data = dataOf(state, rest);
      if (data === undefined) return;
      const stream = await state.session.createBidirectionalStream();
      const { read } = state.streams.add(stream);
      await stream.writeAll(data);
      await read;
    },
  },
  datagram: {
    usage: "datagram TEXT",
    meaning: "TEXT as a datagram",
    run: async (state, rest) => {
      const data = dataOf(state, rest);
      if (data !== undefined) await state.session.datagrams.send(data);
    },
  },
  open: {
    usage: "open [bidi|uni]",
    meaning: "opens a stream, which the commands below name by its number",
    run: async (state, rest) => {
      const kind = rest.trim();
      if (!["", "bidi", "uni"].includes(kind)) {
        state.show("Usage: open [bidi|uni]");
        return;
      }
      const stream =
        kind === "uni"
          ? await state.session.createUnidirectionalStream()
          : await state.session.createBidirectionalStream();
      state.show(`#${state.streams.add(stream).number} opened (${stream.direction})`);
    },
  },
  write: {
    usage: "write N TEXT",
    meaning: "TEXT on stream N",
    run: async (state, rest) => {
      const [half, text] = sendingOf(state, rest);
      const data = half === undefined ? undefined : dataOf(state, text);
      if (half !== undefined && data !== undefined) await half.write(data);
    },
  },
  finish: {
    usage: "finish N",
    meaning: "ends this side of stream N",
    run: (state, rest) => {
      sendingOf(state, rest)[0]?.finish();
    },
  },
  reset: {
    usage: "reset N [CODE]",
    meaning: "resets this side of stream N",
    run: (state, rest) => {
      const [half, text] = sendingOf(state, rest);
      const code = codeOf(state, text);
      if (code !== undefined) half?.reset(code);
    },
  },
  stop: {
    usage: "stop N [CODE]",
    meaning: "asks the server to stop sending on stream N",
    run: (state, rest) => {
      const [half, text] = receivingOf(state, rest);
      const code = codeOf(state, text);
      if (code !== undefined) half?.stop(code);
    },
  },
  streams: {
    usage: "streams",
    meaning: "all streams and their states",
    run: ({ streams, show }) => {
      const lines = streams.lines();
      for (const line of lines.length === 0 ? ["no streams"] : lines) show(line);
    },
  },
  headers: {
    usage: "headers",
    meaning: "the answer's headers, the subprotocol, the draft",
    run: ({ session, show }) => {
      for (const line of headerLines(session)) show(line);
    },
  },
  stats: {
    usage: "stats",
    meaning: "figures of session and connection",
    run: ({ session, show }) => {
      for (const line of statLines(session)) show(line);
    },
  },
  drain: {
    usage: "drain",
    meaning: "asks the server to come to an end",
    run: ({ session }) => {
      session.drain();
    },
  },
  close: {
    usage: "close [CODE] [REASON]",
    meaning: "closes the session, and ends",
    run: async (state, rest) => {
      const [, text = "", reason = ""] = /^\s*(\S*)\s?(.*)$/.exec(rest) ?? [];
      const code = codeOf(state, text);
      if (code === undefined) return;
      state.isOver = true;
      await state.session.close({ code, reason });
    },
  },
  help: {
    usage: "help",
    meaning: "this list; TEXT may be bytes: hex:00ff",
    run: ({ show }) => {
      const rows = Object.values(consoleCommands).map(({ usage, meaning }) => [usage, meaning]);
      for (const line of tableLines(rows)) show(line);
    },
  },
  quit: {
    usage: "quit",
    meaning: "closes the session with code 0, and ends (as Ctrl-D)",
    run: (state) => {
      state.isOver = true;
    },
  },
};

function dataOf({ show }: SessionConsole, text: string): Uint8Array<ArrayBuffer> | undefined {
  const data = typedData(text);
  if (data === undefined) show("Error: bytes are an even number of hexadecimal digits: hex:00ff");
  return data;
}

function codeOf({ show }: SessionConsole, text: string): number | undefined {
  const trimmed = text.trim();
  const code = trimmed === "" ? 0 : Number(trimmed);
  if (Number.isInteger(code) && code >= 0 && code <= greatestCode) return code;
  show(`Error: a code is 0 to ${greatestCode}, not "${trimmed}"`);
  return undefined;
}

function sendingOf(state: SessionConsole, rest: string): [SendSide | undefined, string] {
  return halfOf(state, rest, "written", (number) => state.streams.sending(number));
}

function receivingOf(state: SessionConsole, rest: string): [ReceiveSide | undefined, string] {
  return halfOf(state, rest, "read", (number) => state.streams.receiving(number));
}

function halfOf<Half>(
  { show }: SessionConsole,
  rest: string,
  what: string,
  find: (number: number) => Half | undefined,
): [Half | undefined, string] {
  const [, number = "", text = ""] = /^\s*#?(\d*)\s?(.*)$/.exec(rest) ?? [];
  const half = number === "" ? undefined : find(Number(number));
  if (half === undefined)
    show(`Error: there is no stream ${number === "" ? "without its number" : `#${number}`} that can be ${what}`);
  return [half, text];
}
