/** Asking for files and answering: `GET <file>` and, where the answer is not on the same stream, `PUSH <file>\n<content>`. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";

import type { BidirectionalStream, ReceiveStream, WebTransportSession } from "tswebtransport";

import type { EndpointRequests, Environment, TransferKind } from "./environment.ts";

const get = "GET ";
const push = "PUSH ";
const newline = 0x0a;
/** Largest request: a file name. */
const maxRequest = 4096;
/** Milliseconds after which the datagrams that were not answered are asked for again. */
const repeatAfter = 300;

const decoder = new TextDecoder();

/** Answers the peer's requests until the session ends. */
export async function answerRequests(session: WebTransportSession, environment: Environment): Promise<void> {
  const endpoint = endpointOf(session);
  const content = (request: Uint8Array): Promise<{ name: string; data: Buffer }> =>
    requestedFile(join(environment.www, endpoint), decoder.decode(request));
  const bidirectional = async (stream: BidirectionalStream): Promise<void> => {
    const { data } = await content(await stream.readAll({ maxBytes: maxRequest }));
    await stream.writeAll(data);
  };
  const unidirectional = async (incoming: ReceiveStream): Promise<void> => {
    const { name, data } = await content(await incoming.readAll({ maxBytes: maxRequest }));
    const outgoing = await session.createUnidirectionalStream();
    await outgoing.write(`${push}${name}\n`);
    await outgoing.writeAll(data);
  };
  const datagram = async (request: Uint8Array): Promise<void> => {
    const { name, data } = await content(request);
    await session.datagrams.send(Buffer.concat([Buffer.from(`${push}${name}\n`), data]));
  };
  await Promise.allSettled([
    forEach(session.incomingBidirectionalStreams, (stream) =>
      bidirectional(stream).catch((error: unknown) => {
        stream.reset(1);
        throw error;
      }),
    ),
    forEach(session.incomingUnidirectionalStreams, unidirectional),
    forEach(session.datagrams, datagram),
  ]);
}

/** Fetches the files of one session; resolves when all are stored. */
export async function fetchFiles(
  session: WebTransportSession,
  kind: TransferKind,
  { endpoint, files }: EndpointRequests,
  downloads: string,
): Promise<void> {
  const store = async (name: string, data: Uint8Array): Promise<void> => {
    const path = join(downloads, endpoint, basename(name));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data);
  };
  switch (kind) {
    case "bidirectional":
      await Promise.all(
        files.map(async (name) => {
          const stream = await session.createBidirectionalStream();
          await stream.writeAll(`${get}${name}`);
          await store(name, await stream.readAll());
        }),
      );
      break;
    case "unidirectional":
      await Promise.all([
        ...files.map(async (name) => {
          const stream = await session.createUnidirectionalStream();
          await stream.writeAll(`${get}${name}`);
        }),
        ...files.map(async () => {
          const stream = await session.incomingUnidirectionalStreams.next();
          if (stream === null) throw new Error("the session has ended before every file came");
          await storePush(await stream.readAll(), store);
        }),
      ]);
      break;
    case "datagram":
      await fetchDatagrams(session, files, store);
      break;
  }
}

type Store = (name: string, data: Uint8Array) => Promise<void>;

/** Datagrams get lost, and so do requests: what is missing is asked for again. */
async function fetchDatagrams(session: WebTransportSession, files: readonly string[], store: Store): Promise<void> {
  const missing = new Map(files.map((name) => [basename(name), name]));
  const ask = async (): Promise<void> => {
    for (const name of missing.values()) await session.datagrams.send(`${get}${name}`);
  };
  const again = setInterval(() => {
    ask().catch(() => undefined);
  }, repeatAfter);
  try {
    await ask();
    while (missing.size > 0) {
      const data = await session.datagrams.receive();
      if (data === null) throw new Error("the session has ended before every file came");
      missing.delete(await storePush(data, store));
    }
  } finally {
    clearInterval(again);
  }
}

async function storePush(data: Uint8Array, store: Store): Promise<string> {
  const end = data.indexOf(newline);
  const head = decoder.decode(data.subarray(0, Math.max(end, 0)));
  const name = basename(head.slice(push.length).trim());
  if (!head.startsWith(push) || name === "") throw new Error("an answer without its file name");
  await store(name, data.subarray(end + 1));
  return name;
}

/** Rejects for anything but a file below `folder`. */
async function requestedFile(folder: string, request: string): Promise<{ name: string; data: Buffer }> {
  const file = request.startsWith(get) ? request.slice(get.length).trim() : "";
  const path = resolve(folder, file);
  if (file === "" || !path.startsWith(resolve(folder) + sep)) throw new Error(`not a request: ${request}`);
  return { name: basename(file), data: await readFile(path) };
}

export function endpointOf(session: WebTransportSession): string {
  return session.path.replace(/^\//, "");
}

/** Handles what comes, each on its own; one that fails is told and disturbs no other. */
async function forEach<Item>(items: AsyncIterable<Item>, handle: (item: Item) => Promise<void>): Promise<void> {
  for await (const item of items) {
    void handle(item).catch((error: unknown) => {
      console.error(error);
    });
  }
}
