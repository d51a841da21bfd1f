"""The paths of the peer application that a peer's server has, with aioquic. Prints `listening HOST:PORT`, then events."""

import argparse
import asyncio
from urllib.parse import parse_qs, urlsplit

from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration

from webtransport import CHUNK, Protocol, Session

PATTERN = bytes(range(256)) * (CHUNK // 256)


async def echo(session: Session, query) -> None:
    async def bidirectional() -> None:
        while True:
            stream = await session.incoming.get()
            asyncio.create_task(echo_stream(stream))

    async def echo_stream(stream) -> None:
        sent = 0
        while sent < len(stream.data) or not stream.ended:
            await stream.until(lambda: stream.ended or stream.reset_code is not None or len(stream.data) > sent)
            if stream.reset_code is not None:
                print(f"stream_reset {stream.reset_code}", flush=True)
                return stream.reset(0)
            data, sent = bytes(stream.data[sent:]), len(stream.data)
            stream.write(data)
        stream.write(b"", True)

    async def unidirectional() -> None:
        while True:
            data = await (await session.incoming_uni.get()).read_all()
            session.open_stream(True).write(data, True)

    async def datagrams() -> None:
        while True:
            session.send_datagram(await session.datagrams.get())

    await asyncio.gather(bidirectional(), unidirectional(), datagrams())


async def sink(session: Session, query) -> None:
    while True:
        stream = await session.incoming.get()
        stream.write(str(len(await stream.read_all())).encode(), True)


async def source(session: Session, query) -> None:
    while True:
        stream = await session.incoming.get()
        left = int(await stream.read_all())
        while left > 0:
            stream.write(PATTERN[: min(left, CHUNK)])
            left -= CHUNK
        stream.write(b"", True)


async def push(session: Session, query) -> None:
    for index in range(int(query.get("n", ["1"])[0])):
        session.open_stream().write(f"server-bidi-{index}".encode(), True)
        session.open_stream(True).write(f"server-uni-{index}".encode(), True)
        session.send_datagram(f"server-datagram-{index}".encode())


async def close(session: Session, query) -> None:
    session.close(int(query.get("code", ["0"])[0]), query.get("reason", [""])[0])


async def fin(session: Session, query) -> None:
    session.protocol.http.send_data(session.id, b"", True)
    session.protocol.transmit()


async def reset(session: Session, query) -> None:
    code = int(query.get("code", ["0"])[0])
    stream = await session.incoming.get()
    await stream.until(lambda: len(stream.data) > 0)
    stream.reset(code)
    stream.stop(code)


async def drain(session: Session, query) -> None:
    session.drain()
    await echo(session, query)


ROUTES = {
    f"/{handler.__name__}": handler for handler in (echo, sink, source, push, close, fin, reset, drain)
}

# The loop itself holds tasks weakly.
TASKS: set[asyncio.Task] = set()


class Server(Protocol):
    def on_request(self, session: Session, headers) -> None:
        fields = dict(headers)
        url = urlsplit(fields[b":path"].decode())
        query = parse_qs(url.query)
        handler = ROUTES.get(url.path)
        status = 404 if handler is None else 200
        if url.path == "/reject":
            status = int(query.get("status", ["403"])[0])
        self.http.send_headers(session.id, [(b":status", str(status).encode())], status != 200)
        self.transmit()
        if status == 200:
            for work in (handler(session, query), self.tell_end(session, url.path)):
                task = asyncio.create_task(work)
                TASKS.add(task)
                task.add_done_callback(TASKS.discard)

    async def tell_end(self, session: Session, path: str) -> None:
        try:
            code, reason, capsule = await session.closed
            print(f"session_close {path} {code} {reason}" if capsule else f"connect_fin {path}", flush=True)
        except ConnectionError as error:
            print(f"session_lost {path} {error}", flush=True)

    def stream_failed(self, stream_id: int, what: str, wire_code: int) -> None:
        super().stream_failed(stream_id, what, wire_code)
        if what == "stop_code" and stream_id in self.streams:
            print(f"stop_sending {self.streams[stream_id].stop_code}", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    arguments = parser.parse_args()
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], max_datagram_frame_size=65536)
    configuration.load_cert_chain(arguments.cert, arguments.key)
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Server)
    port = server._transport.get_extra_info("sockname")[1]
    print(f"listening 127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
