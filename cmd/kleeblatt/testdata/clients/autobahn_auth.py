"""usage: python autobahn_auth.py URL (ws:// or rs://)

Sessions of autobahn that prove who they are, by every method that both know: the right secret gets in, another does not.
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


def transport(url):
    if url.startswith("rs://"):
        host, port = url.removeprefix("rs://").rsplit(":", 1)
        endpoint = {"type": "tcp", "host": host, "port": int(port)}
        return {"type": "rawsocket", "url": url, "endpoint": endpoint, "serializer": "cbor", "max_retries": 0}
    return {"type": "websocket", "url": url, "max_retries": 0}


async def join(url, method, proof):
    """Joins once; returns (authid, authrole, authmethod) or raises."""
    done = asyncio.get_running_loop().create_future()
    component = Component(
        transports=[transport(url)], realm="realm1", authentication={method: proof})

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


async def main(url):
    failed = 0
    for title, method, proof, wrong in WAYS:
        try:
            who = await join(url, method, proof)
            assert who[0] == proof["authid"] and who[2] == method, who
            try:
                await join(url, method, {**proof, **wrong})
                raise AssertionError("a wrong secret gets in")
            except ApplicationError as e:
                assert e.error == "wamp.error.authentication_denied", e.error
            print(f"ok - {title}")
        except Exception as e:
            failed += 1
            print(f"not ok - {title}: {e!r}")
    sys.exit(failed > 0)


asyncio.run(main(sys.argv[1]))
