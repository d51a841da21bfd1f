"""The interop cases with pywebtransport as the client: prints a JSON line for each."""

import argparse
import asyncio
import json
import ssl
from urllib.parse import quote

from pywebtransport.client import WebTransportClient
from pywebtransport.config import ClientConfig
from pywebtransport.exceptions import StreamError, WebTransportError
from pywebtransport.types import EventType

parser = argparse.ArgumentParser()
for name in ("url", "hash", "input"):
    parser.add_argument(f"--{name}", required=name != "hash")
arguments = parser.parse_args()
given = json.loads(arguments.input)
values = given["values"]


def check(actual, expected) -> None:
    if actual != expected:
        raise AssertionError(f"{str(actual)[:80]} instead of {str(expected)[:80]}")


async def exchange(session, data: bytes) -> bytes:
    stream = await session.create_bidirectional_stream()
    answer, _ = await asyncio.gather(stream.read_all(), stream.write_all(data=data, end_stream=True))
    return answer


class Peer:
    def __init__(self, client: WebTransportClient) -> None:
        self.client = client

    async def open(self, path: str, **options):
        return await self.client.connect(url=arguments.url + path, **options)


async def bidi_echo(peer: Peer):
    check(await exchange(await peer.open("/echo"), b"hello"), b"hello")


async def uni_echo(peer: Peer):
    session = await peer.open("/echo")
    stream = await session.create_unidirectional_stream()
    await stream.write_all(data=b"one way", end_stream=True)
    async for answer in session.incoming_unidirectional_streams():
        return check(await answer.read_all(), b"one way")


async def datagram_echo(peer: Peer):
    session = await peer.open("/echo")
    await session.send_datagram(data=b"ping")
    check(await session.read_datagram(), b"ping")


async def many_streams(peer: Peer):
    session = await peer.open("/echo")
    texts = [f"stream {index}".encode() for index in range(50)]
    check(await asyncio.gather(*(exchange(session, text) for text in texts)), texts)


async def upload(peer: Peer):
    size = values["largeBytes"]
    check(await exchange(await peer.open("/sink"), bytes(size)), str(size).encode())


async def download(peer: Peer):
    size = values["largeBytes"]
    answer = await exchange(await peer.open("/source"), str(size).encode())
    check(answer == (bytes(range(256)) * (size // 256 + 1))[:size], True)


async def push(peer: Peer):
    session = await peer.open("/push?n=2")
    seen = []
    bidirectional = session.incoming_bidirectional_streams()
    unidirectional = session.incoming_unidirectional_streams()
    for index in range(2):
        stream = await anext(bidirectional)
        seen.append(await stream.read_all())
        await stream.write_all(data=b"reply", end_stream=True)
        seen.append(await (await anext(unidirectional)).read_all())
        seen.append(await session.read_datagram())
    expected = [f"server-{kind}-{index}".encode() for index in range(2) for kind in ("bidi", "uni", "datagram")]
    check(sorted(seen), sorted(expected))


async def closed_with(session):
    event = await session.events.wait_for(event_type=EventType.SESSION_CLOSED)
    return event.data.get("error_code"), event.data.get("reason") or ""


async def server_close(peer: Peer):
    code, reason = values["serverCloseCode"], values["serverCloseReason"]
    session = await peer.open(f"/close?delay=200&code={code}&reason={quote(reason)}")
    check(await closed_with(session), (code, reason))


async def server_fin(peer: Peer):
    session = await peer.open("/fin?delay=200")
    check(await closed_with(session), (0, ""))


async def client_close(peer: Peer):
    session = await peer.open("/echo")
    await exchange(session, b"x")
    await session.close(error_code=values["closeCode"], reason=values["closeReason"])


async def server_reset(peer: Peer):
    code = values["serverResetCode"]
    session = await peer.open(f"/reset?code={code}")
    stream = await session.create_bidirectional_stream()
    await stream.write(data=b"x")
    try:
        await stream.read_all()
        raise AssertionError("the stream should have been reset")
    except StreamError as error:
        check(error.error_code, code)


async def used_stream(session):
    stream = await session.create_bidirectional_stream()
    await stream.write(data=b"x")
    await stream.read(max_size=1)
    return stream


async def client_reset(peer: Peer):
    session = await peer.open("/echo")
    await (await used_stream(session)).reset(error_code=values["resetCode"])
    await exchange(session, b"y")


async def client_stop(peer: Peer):
    session = await peer.open("/echo")
    await (await used_stream(session)).stop_receiving(error_code=values["stopCode"])
    await exchange(session, b"y")


async def refused(peer: Peer, path: str) -> str:
    try:
        await peer.open(path)
    except WebTransportError as error:
        return str(error)
    raise AssertionError("it should have been refused")


async def reject(peer: Peer):
    return await refused(peer, f"/reject?status={values['rejectStatus']}")


async def not_found(peer: Peer):
    return await refused(peer, "/no-such-path")


async def several_sessions(peer: Peer):
    sessions = [await peer.open(path) for path in ("/echo", "/e2e", "/echo")]
    answers = [await exchange(session, f"s{index}".encode()) for index, session in enumerate(sessions)]
    check(answers, [b"s0", b"ECHO: s1", b"s2"])


async def headers(peer: Peer):
    session = await peer.open("/headers?a=1", headers={"x-test": "1"})
    seen = json.loads(await exchange(session, b"?"))
    expected = {":method": "CONNECT", ":path": "/headers?a=1", "x-test": "1"}
    check({name: seen.get(name) for name in expected}, expected)
    return seen[":protocol"]


async def subprotocol(peer: Peer):
    session = await peer.open("/protocol", wt_available_protocols=["unknown", "bar", "foo.v1"])
    check(session.wt_protocol, "bar")
    check(await exchange(session, b"?"), b"bar")


async def drain(peer: Peer):
    session = await peer.open("/drain?delay=200")
    await session.events.wait_for(event_type=EventType.SESSION_DRAINING)
    check(await exchange(session, b"still here"), b"still here")


async def goaway(peer: Peer):
    session = await peer.open("/goaway?delay=200")
    await exchange(session, b"before")
    await asyncio.sleep(0.4)
    check(session.is_closed, False)
    return "the session lives on"


async def long_session(peer: Peer):
    session = await peer.open("/echo")
    await asyncio.sleep(11)
    check(await exchange(session, b"still here"), b"still here")


async def run(name: str) -> None:
    detail, outcome = "", "passed"
    try:
        async with WebTransportClient(config=ClientConfig(verify_mode=ssl.CERT_NONE)) as client:
            detail = await asyncio.wait_for(globals()[name.replace("-", "_")](Peer(client)), 15) or ""
    except Exception as error:
        outcome, detail = "failed", f"{type(error).__name__}: {error}"
    print(json.dumps({"case": name, "outcome": outcome, "detail": detail}), flush=True)


async def main() -> None:
    waiting = asyncio.create_task(run("long-session")) if "long-session" in given["names"] else None
    for name in given["names"]:
        if name != "long-session":
            await run(name)
    if waiting is not None:
        await waiting


asyncio.run(main())
