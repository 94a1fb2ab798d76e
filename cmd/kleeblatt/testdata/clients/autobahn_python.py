"""usage: python autobahn_python.py URL URL

Two autobahn sessions at two nodes (ws:// or rs://) and what they do with each other. The second speaks another serializer.
"""
import asyncio
import sys

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import CallOptions, PublishOptions, RegisterOptions, SubscribeOptions

PATIENCE = 20
VALUE = {"text": "grüße 🍀", "list": [1, -2.5, None, True], "nested": {"deep": []}}


async def join(url, serializer):
    joined = asyncio.get_running_loop().create_future()

    class Session(ApplicationSession):
        async def onJoin(self, details):
            joined.set_result(self)

    await ApplicationRunner(url, "realm1", serializers=[serializer]).run(Session, start_loop=False)
    return await asyncio.wait_for(joined, PATIENCE)


async def when_registered(call):
    """One node's grant is visible on another a moment later."""
    while True:
        try:
            return await call()
        except ApplicationError as e:
            if e.error != "wamp.error.no_such_procedure":
                raise
        await asyncio.sleep(0.01)


async def follow(b, a, pattern, match, topic):
    """Subscribes and waits until events arrive; returns a queue of those that follow."""
    events, probed = asyncio.Queue(), asyncio.Event()

    def handler(*args, details=None, **kwargs):
        if args[:1] == ("probe",):
            probed.set()
        else:
            events.put_nowait((args, kwargs, details.topic))

    await b.subscribe(handler, pattern, SubscribeOptions(match=match, details_arg="details"))
    while not probed.is_set():
        await a.publish(topic, "probe", options=PublishOptions(acknowledge=True))
        await asyncio.sleep(0.01)
    return events


async def events_carry_values(a, b, p):
    events = await follow(b, a, p + ".t", "exact", p + ".t")
    await a.publish(p + ".t", 1, VALUE, k="v", options=PublishOptions(acknowledge=True))
    args, kwargs, _ = await events.get()
    assert args == (1, VALUE) and kwargs == {"k": "v"}, (args, kwargs)


async def events_keep_their_order(a, b, p):
    events = await follow(b, a, p + ".order", "exact", p + ".order")
    for i in range(500):
        a.publish(p + ".order", i)
    assert [(await events.get())[0][0] for _ in range(500)] == list(range(500))


async def patterns_name_the_topic(a, b, p):
    events = await follow(b, a, p + ".y..z", "wildcard", p + ".y.x.z")
    await a.publish(p + ".y.x.z", 7, options=PublishOptions(acknowledge=True))
    assert (await events.get())[2] == p + ".y.x.z"
    events = await follow(b, a, p + ".q", "prefix", p + ".q.r.s")
    await a.publish(p + ".q.r.s", 8, options=PublishOptions(acknowledge=True))
    assert (await events.get())[2] == p + ".q.r.s"


async def pattern_registrations_name_the_procedure(a, b, p):
    async def named(details=None):
        return details.procedure

    for match, pattern, procedure in [("prefix", ".pre", ".pre.x.y"), ("wildcard", ".w..z", ".w.any.z")]:
        await b.register(named, p + pattern, RegisterOptions(match=match, details_arg="details"))
        assert await when_registered(lambda: a.call(p + procedure)) == p + procedure


async def calls_carry_values_and_errors(a, b, p):
    def fail():
        raise ApplicationError("com.example.oops", 5)

    await b.register(lambda *args: list(args), p + ".echo")
    assert await when_registered(lambda: a.call(p + ".echo", 1, VALUE)) == [1, VALUE]
    await b.register(fail, p + ".fail")
    try:
        await when_registered(lambda: a.call(p + ".fail"))
        raise AssertionError("no error")
    except ApplicationError as e:
        assert e.error == "com.example.oops" and list(e.args) == [5], e


async def progress_comes_before_the_result(a, b, p):
    def count(n, details=None):
        for i in range(n):
            details.progress(i)
        return "done"

    await b.register(count, p + ".count", RegisterOptions(details_arg="details"))
    seen = []
    result = await when_registered(lambda: a.call(p + ".count", 20, options=CallOptions(on_progress=seen.append)))
    assert result == "done" and seen == list(range(20)), (result, seen)


async def cancelled_calls_end(a, b, p):
    started, interrupted = asyncio.Event(), asyncio.Event()

    async def hang(probe=False):
        if probe:
            return None
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            interrupted.set()
            raise

    await b.register(hang, p + ".hang")
    await when_registered(lambda: a.call(p + ".hang", True))
    call = asyncio.ensure_future(a.call(p + ".hang"))
    await started.wait()
    call.cancel()
    await interrupted.wait()  # INTERRUPT came through to the callee's node
    await a.call(p + ".hang", True)


async def main(url_a, url_b):
    failed = 0
    formats = [(JsonSerializer, CBORSerializer), (CBORSerializer, MsgPackSerializer), (MsgPackSerializer, JsonSerializer)]
    scenarios = [events_carry_values, events_keep_their_order, patterns_name_the_topic, pattern_registrations_name_the_procedure, calls_carry_values_and_errors,
                 progress_comes_before_the_result, cancelled_calls_end]
    for n, (format_a, format_b) in enumerate(formats):
        a, b = await join(url_a, format_a()), await join(url_b, format_b())
        for scenario in scenarios:
            title = f"{format_a.__name__} with {format_b.__name__}: {scenario.__name__.replace('_', ' ')}"
            try:
                await asyncio.wait_for(scenario(a, b, f"py{n}"), PATIENCE)
                print("ok -", title, flush=True)
            except Exception as e:
                failed += 1
                print("not ok -", title, repr(e), flush=True)
        a.leave()
        b.leave()
    return 1 if failed else 0


sys.exit(asyncio.run(main(*sys.argv[1:])))
