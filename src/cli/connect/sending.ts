import { once } from "node:events";
import { createInterface } from "node:readline";

import { TimeoutError } from "../../errors/errors.ts";
import type { WebTransportSession } from "../../transport/session/session.ts";
import type { BytesInput, ReceiveSide } from "../../transport/types.ts";

import type { Terminal } from "../terminal/terminal.ts";

/** How something is sent. */
export const ways = ["bidi", "uni", "datagram"] as const;
export type Way = (typeof ways)[number];

export interface Sending {
  /** None: standard input. */
  readonly texts: readonly string[];
  readonly way: Way;
  /** Milliseconds to wait for answers that no stream promises; 0: for none. */
  readonly wait: number;
  readonly terminal: Terminal;
  /** Aborts when the user wants an end. */
  readonly signal: AbortSignal;
}

/** Sends everything and prints the answers. Resolves with whether there were as many as could be expected. */
export async function sendInputs(session: WebTransportSession, sending: Sending): Promise<boolean> {
  if (sending.way === "datagram") return sendDatagrams(session, sending);
  if (sending.way === "uni") return sendOneWay(session, sending);
  if (sending.texts.length === 0) {
    await exchange(session, process.stdin, sending);
    return true;
  }
  for (const text of sending.texts) {
    const last = await exchange(session, [text], sending);
    // Answers of several questions, and a shell's prompt, begin in lines of their own.
    if (last !== newline) sending.terminal.print("");
  }
  return true;
}

const newline = 0x0a;

/** On a bidirectional stream of its own, both directions at once. Resolves with the answer's last byte. */
async function exchange(
  session: WebTransportSession,
  input: AsyncIterable<BytesInput> | Iterable<BytesInput>,
  sending: Sending,
): Promise<number | undefined> {
  const stream = await session.createBidirectionalStream();
  const send = async (): Promise<void> => {
    for await (const chunk of input) await stream.write(chunk);
    stream.finish();
  };
  const [last] = await Promise.all([printStream(stream, sending), send()]);
  return last;
}

async function printStream(stream: ReceiveSide, { terminal, signal }: Sending): Promise<number | undefined> {
  const decoder = new TextDecoder();
  let last: number | undefined;
  for await (const chunk of stream) {
    last = chunk.at(-1) ?? last;
    // A file or a pipe gets the very bytes.
    const isTerminal = terminal.stdout.isTTY === true;
    await written(terminal, isTerminal ? terminal.shown(decoder.decode(chunk, { stream: true })) : chunk, signal);
  }
  return last;
}

/** Waits when nobody takes what is written; rejects when nobody will. */
async function written(terminal: Terminal, data: string | Uint8Array, signal: AbortSignal): Promise<void> {
  const stream = terminal.stdout === process.stdout ? process.stdout : undefined;
  if (stream === undefined) terminal.stdout.write(data);
  else if (!stream.write(data)) await once(stream, "drain", { signal });
}

async function sendOneWay(session: WebTransportSession, sending: Sending): Promise<boolean> {
  const { texts, wait, terminal } = sending;
  const inputs = texts.length > 0 ? texts.map((text) => [text]) : [process.stdin];
  for (const input of inputs) {
    const stream = await session.createUnidirectionalStream();
    for await (const chunk of input) await stream.write(chunk as BytesInput);
    stream.finish();
  }
  if (wait === 0) return true;
  const incoming = session.incomingUnidirectionalStreams[Symbol.asyncIterator]();
  for (let answers = 0; answers < inputs.length; answers += 1) {
    const next = await within(incoming.next(), wait);
    if (next === undefined || next.done === true) return noAnswer(terminal, answers, inputs.length, wait);
    if ((await printStream(next.value, sending)) !== newline) terminal.print("");
  }
  return true;
}

/** One datagram for each text or line. */
async function sendDatagrams(session: WebTransportSession, { texts, wait, terminal }: Sending): Promise<boolean> {
  const inputs = texts.length > 0 ? texts : linesOf(process.stdin, session);
  const decoder = new TextDecoder();
  let [sent, answers] = [0, 0];
  const show = (datagram: Uint8Array): void => {
    answers += 1;
    terminal.print(terminal.shown(decoder.decode(datagram)));
  };
  for await (const text of inputs) {
    await session.datagrams.send(text);
    sent += 1;
    for (let early = session.datagrams.tryReceive(); early; early = session.datagrams.tryReceive()) show(early);
  }
  if (wait === 0) return true;
  while (answers < sent) {
    const datagram = await receive(session, wait);
    if (datagram === undefined) return noAnswer(terminal, answers, sent, wait);
    show(datagram);
  }
  return true;
}

/** Until the session ends. */
function linesOf(input: NodeJS.ReadableStream, session: WebTransportSession): AsyncIterable<string> {
  const lines = createInterface({ input });
  void session.closed.then(() => {
    lines.close();
  });
  return lines;
}

async function receive(session: WebTransportSession, timeout: number): Promise<Uint8Array | undefined> {
  try {
    return (await session.datagrams.receive({ timeout })) ?? undefined;
  } catch (error) {
    if (error instanceof TimeoutError) return undefined;
    throw error;
  }
}

function noAnswer(terminal: Terminal, answers: number, sent: number, wait: number): boolean {
  terminal.note(`${answers} of ${sent} were answered; the next answer took longer than ${wait} ms (--wait)`);
  return false;
}

async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
