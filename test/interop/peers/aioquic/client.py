"""The interop cases with aioquic as the client: prints a JSON line for each."""

import argparse
import asyncio
import json
import ssl
from urllib.parse import quote, urlsplit

from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration

from webtransport import Protocol

parser = argparse.ArgumentParser()
for name in ("url", "hash", "input"):
    parser.add_argument(f"--{name}", required=name != "hash")
arguments = parser.parse_args()
url = urlsplit(arguments.url)
given = json.loads(arguments.input)
values = given["values"]


def check(actual, expected) -> None:
    if actual != expected:
        raise AssertionError(f"{actual!r} instead of {expected!r}")


def connection():
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, max_datagram_frame_size=65536
    )
    return connect(url.hostname, url.port, configuration=configuration, create_protocol=Protocol)


async def bidi_echo(open_session):
    session = await open_session("/echo")
    check(await session.exchange(b"hello"), b"hello")


async def uni_echo(open_session):
    session = await open_session("/echo")
    session.open_stream(True).write(b"one way", True)
    check(await (await session.incoming_uni.get()).read_all(), b"one way")


async def datagram_echo(open_session):
    session = await open_session("/echo")
    session.send_datagram(b"ping")
    check(await session.datagrams.get(), b"ping")


async def many_streams(open_session):
    session = await open_session("/echo")
    texts = [f"stream {index}".encode() for index in range(50)]
    check(await asyncio.gather(*(session.exchange(text) for text in texts)), texts)


async def upload(open_session):
    session = await open_session("/sink")
    check(await session.exchange(bytes(values["largeBytes"])), str(values["largeBytes"]).encode())


async def download(open_session):
    session = await open_session("/source")
    size = values["largeBytes"]
    answer = await session.exchange(str(size).encode())
    check(answer == (bytes(range(256)) * (size // 256 + 1))[:size], True)


async def push(open_session):
    session = await open_session("/push?n=2")
    seen = []
    for index in range(2):
        stream = await session.incoming.get()
        seen.append(await stream.read_all())
        stream.write(b"reply", True)
        seen.append(await (await session.incoming_uni.get()).read_all())
        seen.append(await session.datagrams.get())
    expected = [f"server-{kind}-{index}".encode() for index in range(2) for kind in ("bidi", "uni", "datagram")]
    check(sorted(seen), sorted(expected))


async def server_close(open_session):
    code, reason = values["serverCloseCode"], values["serverCloseReason"]
    session = await open_session(f"/close?code={code}&reason={quote(reason)}")
    check(await session.closed, (code, reason, True))


async def server_fin(open_session):
    session = await open_session("/fin")
    check(await session.closed, (0, "", False))


async def client_close(open_session):
    session = await open_session("/echo")
    await session.exchange(b"x")
    session.close(values["closeCode"], values["closeReason"])


async def server_reset(open_session):
    code = values["serverResetCode"]
    session = await open_session(f"/reset?code={code}")
    stream = session.open_stream()
    stream.write(b"x")
    await stream.until(lambda: stream.reset_code is not None and stream.stop_code is not None)
    check((stream.reset_code, stream.stop_code), (code, code))


async def client_reset(open_session):
    session = await open_session("/echo")
    stream = session.open_stream()
    stream.write(b"x")
    await stream.until(lambda: len(stream.data) > 0)
    stream.reset(values["resetCode"])
    await session.exchange(b"y")


async def client_stop(open_session):
    session = await open_session("/echo")
    stream = session.open_stream()
    stream.write(b"x")
    await stream.until(lambda: len(stream.data) > 0)
    stream.stop(values["stopCode"])
    await session.exchange(b"y")


async def refused(open_session, path):
    try:
        await open_session(path)
    except ConnectionRefusedError as error:
        return error.args[0]
    raise AssertionError("it should have been refused")


async def reject(open_session):
    check(await refused(open_session, f"/reject?status={values['rejectStatus']}"), values["rejectStatus"])


async def not_found(open_session):
    check(await refused(open_session, "/no-such-path"), 404)


async def several_sessions(open_session):
    sessions = [await open_session(path) for path in ("/echo", "/e2e", "/echo")]
    answers = [await session.exchange(f"s{index}".encode()) for index, session in enumerate(sessions)]
    check(answers, [b"s0", b"ECHO: s1", b"s2"])


async def headers(open_session):
    session = await open_session("/headers?a=1", [(b"origin", b"https://example.org"), (b"x-test", b"1")])
    seen = json.loads(await session.exchange(b"?"))
    expected = {":method": "CONNECT", ":protocol": "webtransport", ":path": "/headers?a=1", "x-test": "1"}
    check({name: seen.get(name) for name in expected}, expected)


async def subprotocol(open_session):
    session = await open_session("/protocol", [(b"wt-available-protocols", b'"unknown", "bar", "foo.v1"')])
    check(await session.exchange(b"?"), b"bar")
    check(dict(session.response.result())[b"wt-protocol"], b'"bar"')


async def drain(open_session):
    session = await open_session("/drain")
    await session.draining.wait()
    check(await session.exchange(b"still here"), b"still here")


async def goaway(open_session):
    session = await open_session("/goaway")
    check(await session.exchange(b"still here"), b"still here")


async def long_session(open_session):
    session = await open_session("/echo")
    await asyncio.sleep(11)
    check(await session.exchange(b"still here"), b"still here")


async def run(name: str) -> None:
    detail, outcome = "", "passed"
    try:
        async with connection() as protocol:

            async def open_session(path, extra=[]):
                return await protocol.open(url.netloc, path, extra)

            await asyncio.wait_for(globals()[name.replace("-", "_")](open_session), 15)
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
