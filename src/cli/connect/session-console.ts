import { clearLine, createInterface, cursorTo } from "node:readline";
import type { Interface } from "node:readline";

import { onAbort } from "../../async/abort.ts";
import { AsyncQueue } from "../../async/async-queue.ts";
import { nearestName } from "../../base/nearest-name.ts";
import { WebTransportError } from "../../errors/errors.ts";
import type { WebTransportSession } from "../../transport/session/session.ts";

import type { CommandContext } from "../command.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { consoleCommands } from "./console-commands.ts";
import type { SessionConsole } from "./console-commands.ts";
import { dataText } from "./session-texts.ts";
import { StreamTable } from "./stream-table.ts";

/** Takes commands from standard input until `quit`, its end, or that of the session. Resolves with true. */
export async function runConsole(
  session: WebTransportSession,
  { terminal, interruption }: CommandContext,
): Promise<true> {
  const isByHand = process.stdin.isTTY;
  const names = Object.keys(consoleCommands);
  const lines = createInterface({
    input: process.stdin,
    ...(isByHand && { output: process.stdout }),
    terminal: isByHand,
    prompt: terminal.out.cyan("> "),
    completer: (line: string) => [names.filter((name) => name.startsWith(line)), line],
  });
  const queue = new AsyncQueue<string>();
  lines.on("line", (line) => queue.push(line));
  lines.on("close", () => queue.close());
  // On a terminal Ctrl-C is a key of the line editor's.
  lines.on("SIGINT", () => {
    interruption.interrupt();
  });
  const endLines = (): void => {
    lines.close();
  };
  void session.closed.then(endLines);
  // Telling a server that is gone may take a while, in which nothing more can be done.
  const stopEnding = onAbort(interruption.signal, endLines);
  const show = shower(lines, isByHand, terminal);
  const streams = new StreamTable(show);
  void showIncoming(session, streams, show);
  void showDatagrams(session, show);
  show(terminal.out.green(`Connected to ${session.url.href}. \`help\` lists the commands.`));
  const state: SessionConsole = { session, streams, show, isOver: false };
  for await (const line of queue) {
    await runLine(line, state);
    if (state.isOver || session.isClosed || interruption.isInterrupted) break;
    if (isByHand) lines.prompt();
  }
  stopEnding();
  lines.close();
  // The user is in the middle of a line, unless they have ended it themselves.
  if (isByHand && !state.isOver) terminal.print("");
  return true;
}

/** Lines that come while the user types stand above what they type. */
function shower(lines: Interface, isByHand: boolean, terminal: Terminal): (line: string) => void {
  let isOpen = true;
  lines.on("close", () => {
    isOpen = false;
  });
  return (line) => {
    if (isByHand) {
      cursorTo(process.stdout, 0);
      clearLine(process.stdout, 0);
    }
    terminal.print(line);
    if (isByHand && isOpen) lines.prompt(true);
  };
}

async function runLine(line: string, state: SessionConsole): Promise<void> {
  const [, name = "", rest = ""] = /^\s*(\S*)\s?(.*)$/.exec(line) ?? [];
  if (name === "") return;
  const command = Object.hasOwn(consoleCommands, name) ? consoleCommands[name] : undefined;
  if (command === undefined) {
    const nearest = nearestName(name, Object.keys(consoleCommands));
    state.show(
      `Unknown command ${dataText(new TextEncoder().encode(name))}. ${nearest === undefined ? "Try: help" : `Did you mean ${nearest}?`}`,
    );
    return;
  }
  try {
    await command.run(state, rest);
  } catch (error) {
    if (!(error instanceof WebTransportError) && !(error instanceof RangeError)) throw error;
    state.show(`Error: ${error.message}`);
  }
}

async function showIncoming(
  session: WebTransportSession,
  streams: StreamTable,
  show: (line: string) => void,
): Promise<void> {
  try {
    for await (const stream of session.incomingStreams()) {
      const { number } = streams.add(stream);
      show(`#${number} opened by the server (${stream.direction})`);
    }
  } catch {
    // The session's end is told by itself.
  }
}

async function showDatagrams(session: WebTransportSession, show: (line: string) => void): Promise<void> {
  try {
    for await (const datagram of session.datagrams) show(`datagram ◀ ${dataText(datagram)}`);
  } catch {
    // The session's end is told by itself.
  }
}
