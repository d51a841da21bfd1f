/** Reading and writing the W3C's streams in tests. */
import { toWireCode } from "../../../src/protocol/webtransport/error-mapping.ts";
import { WebTransportError } from "../../../src/w3c/index.ts";

export async function readChunks(readable: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readable as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return chunks;
}

export async function readText(readable: ReadableStream<Uint8Array>): Promise<string> {
  return Buffer.concat(await readChunks(readable)).toString();
}

export async function writeText(writable: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** The first item of a stream, whose lock is given back. */
export async function first<T>(readable: ReadableStream<T>): Promise<T> {
  const reader = readable.getReader();
  const { value, done } = await reader.read();
  reader.releaseLock();
  if (done) throw new Error("The stream is at its end");
  return value;
}

/** Fills the buffer with a BYOB reader. */
export async function readInto(reader: ReadableStreamBYOBReader, size: number): Promise<Uint8Array> {
  let buffer = new ArrayBuffer(size);
  for (let offset = 0; offset < size;) {
    const { value, done } = await reader.read(new Uint8Array(buffer, offset, size - offset));
    if (done) throw new Error("The stream is at its end");
    buffer = value.buffer;
    offset += value.byteLength;
  }
  return new Uint8Array(buffer);
}

/** The HTTP/3 code of an application's (draft-ietf-webtrans-http3 §4.4). */
export function wireCode(code: number): number {
  return Number(toWireCode(code));
}

export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`fulfilled with ${String(value)}`);
    },
    (error: unknown) => error,
  );
}

/** A WebTransportError of the session, as opposed to one of a stream. */
export function isSessionFailure(error: unknown): boolean {
  return error instanceof WebTransportError && error.source === "session" && error.streamErrorCode === null;
}

export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const settled = (): void => void (pending = false);
  promise.then(settled, settled);
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  return pending;
}
