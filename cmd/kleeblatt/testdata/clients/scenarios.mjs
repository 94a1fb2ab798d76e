// What two clients do with each other through two nodes. Each scenario gets a (at one node), b (at another) and a prefix for URIs of its own.
import assert from "node:assert/strict";

// settle: what one node has granted is visible on another a moment later. Calls are repeated as long as nobody is registered, events are
// preceded by probes.
const patience = 10_000;
const pause = () => new Promise((r) => setTimeout(r, 10));

async function whenRegistered(call) {
  for (const end = Date.now() + patience; ; await pause()) {
    try {
      return await call();
    } catch (e) {
      if (e.uri !== "wamp.error.no_such_procedure" || Date.now() > end) throw e;
    }
  }
}

// follow subscribes, waits until events of topic arrive and returns the list of those that follow.
async function follow(b, a, pattern, match, topic) {
  const events = [];
  let probed = false;
  const stop = await b.subscribe(pattern, match, (e) => {
    if (e.args[0] === "probe") probed = true;
    else events.push(e);
  });
  for (const end = Date.now() + patience; !probed; await pause()) {
    assert(Date.now() < end, `no event of ${topic}`);
    await a.publish(topic, ["probe"]);
  }
  return { events, stop };
}

async function until(events, n) {
  for (const end = Date.now() + patience; events.length < n; await pause()) {
    assert(Date.now() < end, `${events.length} of ${n} events`);
  }
}

const rejected = async (answer, uri) => {
  const e = await answer.then((r) => assert.fail(`got ${JSON.stringify(r)} instead of ${uri}`), (e) => e);
  assert.equal(e.uri, uri);
  return e;
};

const value = { text: "grüße 🍀", list: [1, -2.5, null, true], nested: { deep: [] } };

export const scenarios = {
  async "events carry arguments and keywords"(a, b, p) {
    const { events } = await follow(b, a, p + "t", "exact", p + "t");
    await a.publish(p + "t", [1, value], { k: "v" });
    await until(events, 1);
    assert.deepEqual(events[0].args, [1, value]);
    assert.deepEqual(events[0].kwargs, { k: "v" });
  },

  async "events of one publisher keep their order"(a, b, p) {
    const { events } = await follow(b, a, p + "t", "exact", p + "t");
    const n = 200;
    await Promise.all(Array.from({ length: n }, (_, i) => a.publish(p + "t", [i])));
    await until(events, n);
    assert.deepEqual(events.map((e) => e.args[0]), Array.from({ length: n }, (_, i) => i));
  },

  async "prefix and wildcard subscriptions name the topic"(a, b, p) {
    const prefix = await follow(b, a, p + "x", "prefix", p + "x.y.z");
    const wildcard = await follow(b, a, p + "x..z", "wildcard", p + "x.y.z");
    const from = prefix.events.length;
    await a.publish(p + "x.y.z", [7]);
    await until(wildcard.events, 1);
    await until(prefix.events, from + 1);
    assert.equal(wildcard.events[0].name, p + "x.y.z");
    assert.equal(prefix.events.at(-1).name, p + "x.y.z");
  },

  async "unsubscribing ends the events"(a, b, p) {
    const gone = await follow(b, a, p + "t", "exact", p + "t");
    await gone.stop();
    const mark = await follow(b, a, p + "mark", "exact", p + "mark");
    await a.publish(p + "t", [1]);
    await a.publish(p + "mark", [2]); // the same order: behind it nothing of the other can come
    await until(mark.events, 1);
    assert.equal(gone.events.length, 0);
  },

  async "calls carry arguments, results and errors"(a, b, p) {
    await b.register(p + "echo", {}, (m) => ({ args: [...m.args, "and"], kwargs: m.kwargs }));
    const r = await whenRegistered(() => a.call(p + "echo", [1, value], { k: "v" }).answer);
    assert.deepEqual(r.args, [1, value, "and"]);
    assert.deepEqual(r.kwargs, { k: "v" });
    await b.register(p + "fail", {}, () => ({ error: "com.example.oops", args: [5] }));
    const e = await whenRegistered(() => a.call(p + "fail").answer).catch((e) => e);
    assert.equal(e.uri, "com.example.oops");
    assert.deepEqual(e.args, [5]);
    await rejected(a.call(p + "nobody").answer, "wamp.error.no_such_procedure");
  },

  async "a procedure has one owner in the cluster"(a, b, p) {
    const drop = await b.register(p + "p", {}, () => ({ args: ["b"] }));
    await whenRegistered(() => a.call(p + "p").answer);
    const e = await a.register(p + "p", {}, () => ({ args: ["a"] })).then(() => assert.fail("registered twice"), (e) => e);
    assert.equal(e.error ?? e.errorUri, "wamp.error.procedure_already_exists");
    await drop();
    for (const end = Date.now() + patience; ; await pause()) {
      const e = await a.call(p + "p").answer.then(() => null, (e) => e);
      if (e) {
        assert.equal(e.uri, "wamp.error.no_such_procedure");
        break;
      }
      assert(Date.now() < end, "still called after it was unregistered");
    }
  },

  async "pattern registrations name the procedure"(a, b, p) {
    await b.register(p + "x", { match: "prefix" }, (m) => ({ args: [m.name] }));
    const r = await whenRegistered(() => a.call(p + "x.y").answer);
    assert.deepEqual(r.args, [p + "x.y"]);
    await b.register(p + "w..z", { match: "wildcard" }, (m) => ({ args: [m.name] }));
    const w = await whenRegistered(() => a.call(p + "w.any.z").answer);
    assert.deepEqual(w.args, [p + "w.any.z"]);
  },

  async "shared registrations take turns"(a, b, p) {
    await a.register(p + "p", { invoke: "roundrobin" }, () => ({ args: ["a"] }));
    await b.register(p + "p", { invoke: "roundrobin" }, () => ({ args: ["b"] }));
    const seen = new Set();
    for (const end = Date.now() + patience; seen.size < 2; await pause()) {
      assert(Date.now() < end, `only ${[...seen]} were called`);
      seen.add((await a.call(p + "p").answer).args[0]);
    }
  },

  async "progressive results come before the result"(a, b, p) {
    await b.register(p + "count", {}, async (m, progress) => {
      for (let i = 0; i < m.args[0]; i++) progress(i);
      return { args: ["done"] };
    });
    await whenRegistered(() => a.call(p + "count", [0]).answer);
    const seen = [];
    const r = await a.call(p + "count", [20], {}, (m) => seen.push(...m.args)).answer;
    // wampy hands the final result to the progress callback as well.
    assert.deepEqual(seen.filter((s) => s !== "done"), Array.from({ length: 20 }, (_, i) => i));
    assert.deepEqual(r.args, ["done"]);
  },

  async "a cancelled call ends"(a, b, p) {
    let finish;
    const called = new Promise((resolve) => {
      finish = resolve;
    });
    let release = () => {};
    await b.register(p + "hang", {}, (m) => {
      if (m.args[0] === "probe") return { args: [] };
      finish();
      return new Promise((resolve) => (release = () => resolve({ args: ["late"] })));
    });
    await whenRegistered(() => a.call(p + "hang", ["probe"]).answer);
    const call = a.call(p + "hang", []);
    await called;
    call.cancel("kill");
    await rejected(call.answer, "wamp.error.canceled");
    release(); // what comes too late harms nobody
    await a.call(p + "hang", ["probe"]).answer;
  },
};
