"""WebTransport on aioquic's HTTP/3 connection, which has streams and datagrams but no sessions: those are here."""

import asyncio
from dataclasses import dataclass, field

from aioquic.asyncio import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, DatagramReceived, HeadersReceived, WebTransportStreamDataReceived
from aioquic.quic.events import (
    ConnectionTerminated,
    ProtocolNegotiated,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)

CLOSE_SESSION = 0x2843
DRAIN_SESSION = 0x78AE
FIRST_CODE = 0x52E4A40FA8DB
# Flow control is aioquic's; a chunk of this size keeps a large transfer from being queued as a whole.
CHUNK = 65536


def to_wire(code: int) -> int:
    return FIRST_CODE + code + code // 0x1E


def from_wire(code: int) -> int | None:
    if code < FIRST_CODE or code > to_wire(0xFFFFFFFF) or (code - 0x21) % 0x1F == 0:
        return None
    shifted = code - FIRST_CODE
    return shifted - shifted // 0x1F


def varint(value: int) -> bytes:
    for size, mark in ((1, 0), (2, 0x40), (4, 0x80), (8, 0xC0)):
        if value < 1 << (8 * size - 2):
            data = bytearray(value.to_bytes(size, "big"))
            data[0] |= mark
            return bytes(data)
    raise ValueError(value)


def read_varint(data: bytes) -> tuple[int, bytes] | None:
    if not data or len(data) < 1 << (data[0] >> 6):
        return None
    size = 1 << (data[0] >> 6)
    return int.from_bytes(data[:size], "big") & ((1 << (8 * size - 2)) - 1), data[size:]


@dataclass
class Stream:
    session: "Session"
    id: int
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset_code: int | None = None
    stop_code: int | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, data: bytes, end: bool = False) -> None:
        self.session.protocol._quic.send_stream_data(self.id, data, end)
        self.session.protocol.transmit()

    def reset(self, code: int) -> None:
        self.session.protocol._quic.reset_stream(self.id, to_wire(code))
        self.session.protocol.transmit()

    def stop(self, code: int) -> None:
        self.session.protocol._quic.stop_stream(self.id, to_wire(code))
        self.session.protocol.transmit()

    async def until(self, condition) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    async def read_all(self) -> bytes:
        await self.until(lambda: self.ended or self.reset_code is not None)
        if self.reset_code is not None:
            raise ConnectionResetError(self.reset_code)
        return bytes(self.data)


class Session:
    def __init__(self, protocol: "Protocol", stream_id: int) -> None:
        self.protocol = protocol
        self.id = stream_id
        self.streams: dict[int, Stream] = {}
        self.incoming: asyncio.Queue[Stream] = asyncio.Queue()
        self.incoming_uni: asyncio.Queue[Stream] = asyncio.Queue()
        self.datagrams: asyncio.Queue[bytes] = asyncio.Queue()
        self.response: asyncio.Future[list[tuple[bytes, bytes]]] = asyncio.get_running_loop().create_future()
        # (code, reason, with a capsule)
        self.closed: asyncio.Future[tuple[int, str, bool]] = asyncio.get_running_loop().create_future()
        self.draining = asyncio.Event()
        self.buffer = b""

    def open_stream(self, unidirectional: bool = False) -> Stream:
        stream_id = self.protocol.http.create_webtransport_stream(self.id, unidirectional)
        stream = self.streams[stream_id] = Stream(self, stream_id)
        self.protocol.streams[stream_id] = stream
        self.protocol.opened.add(stream_id)
        return stream

    async def exchange(self, data: bytes) -> bytes:
        stream = self.open_stream()
        for offset in range(0, len(data), CHUNK):
            stream.write(data[offset : offset + CHUNK])
        stream.write(b"", True)
        return await stream.read_all()

    def send_datagram(self, data: bytes) -> None:
        self.protocol.http.send_datagram(self.id, data)
        self.protocol.transmit()

    def close(self, code: int = 0, reason: str = "") -> None:
        payload = code.to_bytes(4, "big") + reason.encode()
        self.send_capsule(CLOSE_SESSION, payload, True)
        if not self.closed.done():
            self.closed.set_result((code, reason, True))

    def drain(self) -> None:
        self.send_capsule(DRAIN_SESSION, b"", False)

    def send_capsule(self, capsule: int, payload: bytes, end: bool) -> None:
        self.protocol.http.send_data(self.id, varint(capsule) + varint(len(payload)) + payload, end)
        self.protocol.transmit()

    def capsule_data(self, data: bytes, ended: bool) -> None:
        self.buffer += data
        while (capsule := read_varint(self.buffer)) and (length := read_varint(capsule[1])):
            if len(length[1]) < length[0]:
                break
            payload, self.buffer = length[1][: length[0]], length[1][length[0] :]
            if capsule[0] == DRAIN_SESSION:
                self.draining.set()
            elif capsule[0] == CLOSE_SESSION and not self.closed.done():
                self.closed.set_result((int.from_bytes(payload[:4], "big"), payload[4:].decode(), True))
        if ended and not self.closed.done():
            self.closed.set_result((0, "", False))


class Protocol(QuicConnectionProtocol):
    """Both roles. `on_request(session, headers)` makes it a server."""

    on_request = None

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.http: H3Connection | None = None
        self.sessions: dict[int, Session] = {}
        self.streams: dict[int, Stream] = {}
        self.opened: set[int] = set()

    async def request(self, authority: str, path: str, headers: list[tuple[bytes, bytes]] = []) -> Session:
        while self.http is None or self.http.received_settings is None:
            await asyncio.sleep(0.005)
        stream_id = self._quic.get_next_available_stream_id()
        session = self.sessions[stream_id] = Session(self, stream_id)
        fields = [
            (b":method", b"CONNECT"),
            (b":protocol", b"webtransport"),
            (b":scheme", b"https"),
            (b":authority", authority.encode()),
            (b":path", path.encode()),
            *headers,
        ]
        self.http.send_headers(stream_id, fields)
        self.transmit()
        return session

    async def open(self, authority: str, path: str, headers: list[tuple[bytes, bytes]] = []) -> Session:
        session = await self.request(authority, path, headers)
        status = dict(await session.response)[b":status"]
        if status != b"200":
            raise ConnectionRefusedError(int(status))
        return session

    def quic_event_received(self, event) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic, enable_webtransport=True)
        elif isinstance(event, StreamReset):
            self.stream_failed(event.stream_id, "reset_code", event.error_code)
        elif isinstance(event, StopSendingReceived):
            self.stream_failed(event.stream_id, "stop_code", event.error_code)
        elif isinstance(event, ConnectionTerminated):
            for session in self.sessions.values():
                error = ConnectionError(f"connection ended: 0x{event.error_code:x} {event.reason_phrase}")
                for future in (session.response, session.closed):
                    if not future.done():
                        future.set_exception(error)
                        future.exception()
        if getattr(event, "stream_id", None) in self.opened:
            # aioquic would take the answer on a WebTransport stream that it has opened for HTTP/3 frames.
            if isinstance(event, StreamDataReceived):
                self.received(self.streams[event.stream_id], event.data, event.end_stream)
        elif self.http is not None:
            for http_event in self.http.handle_event(event):
                self.http_event(http_event)

    def stream_failed(self, stream_id: int, what: str, wire_code: int) -> None:
        if stream := self.streams.get(stream_id):
            setattr(stream, what, from_wire(wire_code))
            stream.changed.set()

    def http_event(self, event) -> None:
        if isinstance(event, HeadersReceived):
            if session := self.sessions.get(event.stream_id):
                if not session.response.done():
                    session.response.set_result(event.headers)
            elif self.on_request is not None:
                session = self.sessions[event.stream_id] = Session(self, event.stream_id)
                self.on_request(session, event.headers)
            if event.stream_ended:
                session.capsule_data(b"", True)
        elif isinstance(event, DataReceived):
            if session := self.sessions.get(event.stream_id):
                session.capsule_data(event.data, event.stream_ended)
        elif isinstance(event, DatagramReceived):
            if session := self.sessions.get(event.stream_id):
                session.datagrams.put_nowait(event.data)
        elif isinstance(event, WebTransportStreamDataReceived):
            session = self.sessions.get(event.session_id)
            if session is None:
                return
            stream = session.streams.get(event.stream_id)
            if stream is None:
                stream = session.streams[event.stream_id] = Stream(session, event.stream_id)
                self.streams[event.stream_id] = stream
                (session.incoming_uni if event.stream_id & 2 else session.incoming).put_nowait(stream)
            self.received(stream, event.data, event.stream_ended)

    def received(self, stream: Stream, data: bytes, ended: bool) -> None:
        stream.data += data
        stream.ended |= ended
        stream.changed.set()
