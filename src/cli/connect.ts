import { onAbort } from "../async/abort.ts";
import { maxCloseReasonBytes } from "../constants/http3.ts";
import type { WebTransportSession } from "../transport/session/session.ts";
import type { CloseInfo } from "../transport/types.ts";

import type { Arguments } from "./arguments.ts";
import { clientOptions, clientOptionsOf, connectShown, urlOf } from "./client-options.ts";
import type { Command, CommandContext } from "./command.ts";
import { closeText, headerLines } from "./connect/session-texts.ts";
import { runConsole } from "./connect/session-console.ts";
import { ways, sendInputs } from "./connect/sending.ts";
import { interruptedCode } from "./interruption.ts";
import { withProgress } from "./terminal/progress.ts";
import { UsageError } from "./usage-error.ts";

export const connectCommand: Command = {
  usage: "URL [options]",
  description:
    "Opens a session. On a terminal it takes commands: streams, datagrams, headers, codes (`help` lists them). In a script it " +
    "sends what --send gives, or standard input, and prints what comes back. Everything but the answers goes to standard error.",
  positionals: { least: 1, most: 1, name: "URL" },
  options: {
    send: {
      type: "string",
      short: "s",
      multiple: true,
      mayBeEmpty: true,
      value: "TEXT",
      help: "send this, print the answer, end",
    },
    via: { type: "string", value: "WAY", help: `how: ${ways.join(", ")} (default bidi)` },
    wait: {
      type: "string",
      value: "MS",
      help: "for answers to datagrams and unidirectional streams, 0: for none (default 1000)",
    },
    commands: { type: "boolean", help: "take commands from standard input although it is no terminal" },
    include: { type: "boolean", short: "i", help: "show the answer's headers and the subprotocol" },
    "close-code": { type: "string", value: "N", help: "code that the session is closed with (default 0)" },
    "close-reason": { type: "string", mayBeEmpty: true, value: "TEXT", help: "and its reason" },
    ...clientOptions,
  },
  examples: [
    ["https://localhost:4433/echo --hash 3f1c…", "by hand"],
    ["localhost:4433/echo --insecure --send hello", "one question, one answer"],
    ["localhost:4433/echo -k < photo.jpg > copy.jpg", "standard input over one bidirectional stream"],
    ["localhost:4433/echo -k --via datagram --send a --send b", "two datagrams"],
    ['https://example.com/chat --protocol chat.v2 -H "authorization: Bearer …"', "subprotocols and headers"],
  ],
  run,
};

async function run(args: Arguments, context: CommandContext): Promise<number> {
  const url = urlOf(args.positionals[0] ?? "");
  const texts = args.list("send");
  const way = args.choice("via", ways) ?? "bidi";
  const wait = args.integer("wait", { least: 0, most: 3_600_000 }) ?? 1000;
  args.refuseTogether("send", "commands");
  const end = { code: args.integer("close-code", { least: 0, most: 0xffff_ffff }) ?? 0, reason: closeReasonOf(args) };
  const session = await connectShown(url, await clientOptionsOf(args), context);
  const { terminal, interruption } = context;
  if (args.flag("include")) for (const line of headerLines(session)) terminal.note(line);
  // Whoever waits for more of it waits in vain, and an open pipe would keep the process alive.
  void session.closed.then(() => process.stdin.destroy());
  const stopClosing = onAbort(interruption.signal, () => {
    void session.close({ ...end, abort: true });
  });
  const closing = (): Promise<unknown> =>
    withProgress(terminal, "Closing the session", async () => {
      await session.close(end);
      await session.connection.closed;
    });
  try {
    const isByHand = args.flag("commands") || (texts.length === 0 && process.stdin.isTTY);
    const isAnswered = isByHand
      ? await runConsole(session, context)
      : await sendInputs(session, { texts, way, wait, terminal, signal: interruption.signal });
    await closing();
    const info = await session.closed;
    return interruption.isInterrupted && !isByHand ? interruptedCode : tellEnd(info, isAnswered, context);
  } catch (error) {
    if (interruption.isInterrupted) {
      await closing();
      return interruptedCode;
    }
    return await failed(session, error, context);
  } finally {
    stopClosing();
  }
}

function closeReasonOf(args: Arguments): string {
  const reason = args.text("close-reason") ?? "";
  if (Buffer.byteLength(reason) <= maxCloseReasonBytes) return reason;
  throw new UsageError(`--close-reason must not be longer than ${maxCloseReasonBytes} bytes`);
}

/** The exit code: a session that its peer has ended with a code, or that broke, has failed. */
function tellEnd(info: CloseInfo, isAnswered: boolean, { terminal }: CommandContext): number {
  if (info.clean && info.by === "local") return isAnswered ? 0 : 1;
  terminal.note(closeText(info));
  return info.clean && info.code === 0 && isAnswered ? 0 : 1;
}

/** What ended the session tells more than what the stream says of it. */
async function failed(session: WebTransportSession, error: unknown, { terminal }: CommandContext): Promise<number> {
  if (session.isReady) {
    await session.close({ abort: true });
    throw error;
  }
  terminal.note(closeText(await session.closed));
  return 1;
}
