// The autobahn client under the names that scenarios.mjs uses.
import autobahn from "autobahn";

const serializers = {
  json: () => new autobahn.serializer.JSONSerializer(),
  msgpack: () => new autobahn.serializer.MsgpackSerializer(),
  cbor: () => new autobahn.serializer.CBORSerializer(),
};

export function open(url, format) {
  return new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(url);
    // Over RawSocket it speaks JSON alone.
    const way = format === "rawsocket" ? { transports: [{ type: "rawsocket", host, port }] } : { url, serializers: [serializers[format]()] };
    const connection = new autobahn.Connection({ realm: "realm1", max_retries: 0, ...way });
    connection.onopen = (session) => resolve(adapt(connection, session));
    connection.onclose = (reason, details) => {
      reject(new Error(`${url}: ${reason} ${details.message ?? ""}`));
      return true;
    };
    connection.open();
  });
}

// Everything comes as {args, kwargs, name}: name is the topic or procedure of pattern subscriptions and registrations.
const inbound = (args, kwargs, name) => ({ args: args ?? [], kwargs: kwargs ?? {}, name });

// A result is an autobahn.Result where it is more than one value.
const result = (r) => (r instanceof autobahn.Result ? inbound(r.args, r.kwargs) : inbound(r === null || r === undefined ? [] : [r]));

const failure = (e) => (e instanceof autobahn.Error ? { uri: e.error, args: e.args ?? [] } : { uri: String(e), args: [] });

function adapt(connection, session) {
  return {
    subscribe: async (topic, match, handler) => {
      const s = await session.subscribe(topic, (args, kwargs, d) => handler(inbound(args, kwargs, d.topic)), { match });
      return () => session.unsubscribe(s);
    },
    publish: (topic, args, kwargs) => session.publish(topic, args, kwargs, { acknowledge: true }),
    register: async (procedure, options, handler) => {
      const r = await session.register(
        procedure,
        async (args, kwargs, d) => {
          const out = await handler(inbound(args, kwargs, d.procedure), (p) => d.progress([p]));
          if (out.error) throw new autobahn.Error(out.error, out.args);
          return new autobahn.Result(out.args, out.kwargs);
        },
        options,
      );
      return () => session.unregister(r);
    },
    call: (procedure, args, kwargs, progress) => {
      const call = session.call(procedure, args, kwargs, progress ? { receive_progress: true } : {});
      const answer = new Promise((resolve, reject) =>
        call.then((r) => resolve(result(r)), (e) => reject(failure(e)), progress && ((p) => progress(result(p)))));
      return { answer, cancel: (mode) => call.cancel({ mode }) };
    },
    close: () => connection.close(),
  };
}
