// The wampy client under the names that scenarios.mjs uses.
import { Wampy } from "wampy";
import { JsonSerializer } from "wampy/JsonSerializer.js";
import { MsgpackSerializer } from "wampy/MsgpackSerializer.js";
import { CborSerializer } from "wampy/CborSerializer.js";
import WebSocket from "ws";

const serializers = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer };

export async function open(url, format) {
  const client = new Wampy(url, { realm: "realm1", ws: WebSocket, autoReconnect: false, serializer: new serializers[format]() });
  await client.connect();
  return adapt(client);
}

const inbound = (m, name) => ({ args: m.argsList ?? [], kwargs: m.argsDict ?? {}, name });

const failure = (e) => ({ uri: e.errorUri ?? String(e), args: e.argsList ?? [] });

const payload = (args, kwargs) => ({ argsList: args, argsDict: kwargs });

function adapt(client) {
  return {
    subscribe: async (topic, match, handler) => {
      // The default match is not said: wampy's unsubscribe looks the subscription up without the options.
      const options = match === "exact" ? undefined : { match };
      const s = await client.subscribe(topic, (e) => handler(inbound(e, e.details.topic ?? topic)), options);
      return () => client.unsubscribe(s.subscriptionKey);
    },
    publish: (topic, args, kwargs) => client.publish(topic, payload(args, kwargs)),
    register: async (procedure, options, handler) => {
      await client.register(
        procedure,
        async (call) => {
          const out = await handler(inbound(call, call.details.procedure ?? procedure), (p) =>
            call.result_handler({ argsList: [p], options: { progress: true } }));
          if (out.error) throw { error: out.error, argsList: out.args };
          return payload(out.args, out.kwargs);
        },
        options,
      );
      return () => client.unregister(procedure);
    },
    call: (procedure, args, kwargs, progress) => {
      const options = progress ? { progress_callback: (p) => progress(inbound(p)) } : undefined;
      const call = client.call(procedure, payload(args, kwargs), options);
      const request = client.getOpStatus().reqId;
      return {
        answer: call.then((r) => inbound(r), (e) => Promise.reject(failure(e))),
        cancel: (mode) => client.cancel(request, { mode }),
      };
    },
    close: () => client.disconnect(),
  };
}
