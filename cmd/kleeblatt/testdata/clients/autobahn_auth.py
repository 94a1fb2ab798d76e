"""usage: python autobahn_auth.py URL (ws:// or rs://)

Sessions of autobahn that prove who they are, by every method that both know, in each serializer: the right secret gets in, another does
not. Channel binding is left out: over asyncio autobahn offers tls-unique alone, which TLS 1.3 does not have. So is scram by
pbkdf2: autobahn hands the salt to its own pbkdf2 as text, and that wants bytes.
"""
import asyncio
import sys

from autobahn.asyncio.component import Component
from autobahn.wamp.exception import ApplicationError

PATIENCE = 20
KEY = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"
WAYS = [
    ("ticket", "ticket", {"authid": "joe", "ticket": "ticket1"}, {"ticket": "other"}),
    ("wampcra, salted", "wampcra", {"authid": "joe", "secret": "secret1"}, {"secret": "other"}),
    ("wampcra", "wampcra", {"authid": "ann", "secret": "secret2"}, {"secret": "other"}),
    ("scram, argon2id", "scram", {"authid": "ann", "password": "ink", "nonce": "", "kdf": "argon2id13"}, {"password": "other"}),
    ("cryptosign", "cryptosign", {"authid": "joe", "privkey": KEY}, {"privkey": "00" + KEY[2:]}),
]


SERIALIZERS = ["json", "msgpack", "cbor"]


def transport(url, serializer):
    if url.startswith("rs://"):
        host, port = url.removeprefix("rs://").rsplit(":", 1)
        endpoint = {"type": "tcp", "host": host, "port": int(port)}
        return {"type": "rawsocket", "url": url, "endpoint": endpoint, "serializer": serializer, "max_retries": 0}
    return {"type": "websocket", "url": url, "serializers": [serializer], "max_retries": 0}


async def join(url, serializer, method, proof):
    """Joins once; returns (authid, authrole, authmethod) or raises."""
    done = asyncio.get_running_loop().create_future()
    component = Component(
        transports=[transport(url, serializer)], realm="realm1", authentication={method: proof})

    @component.on_join
    async def joined(session, details):
        if not done.done():
            done.set_result((details.authid, details.authrole, details.authmethod))
        session.leave()

    @component.on_leave
    def left(session, details):
        if not done.done():
            done.set_exception(ApplicationError(details.reason, details.message))

    task = asyncio.ensure_future(component.start(loop=asyncio.get_running_loop()))
    try:
        return await asyncio.wait_for(done, PATIENCE)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def prove(url, serializer, method, proof, wrong):
    who = await join(url, serializer, method, proof)
    assert who[0] == proof["authid"] and who[2] == method, who
    try:
        await join(url, serializer, method, {**proof, **wrong})
    except ApplicationError as e:
        assert e.error == "wamp.error.authentication_denied", e.error
    else:
        raise AssertionError("a wrong secret gets in")


async def nobody(url, serializer):
    who = await join(url, serializer, "anonymous", {})
    assert who[1:] == ("anonymous", "anonymous"), who


async def main(url):
    failed = 0
    for serializer in SERIALIZERS:
        attempts = [(title, prove(url, serializer, *way)) for title, *way in WAYS] + [("anonymous", nobody(url, serializer))]
        for title, attempt in attempts:
            title = f"{url.split(':')[0]} {serializer}: {title}"
            try:
                await attempt
                print(f"ok - {title}")
            except Exception as e:
                failed += 1
                print(f"not ok - {title}: {e!r}")
    sys.exit(failed > 0)


asyncio.run(main(sys.argv[1]))
