// usage: node wampy_auth.mjs URL
//
// Sessions of wampy that prove who they are, by every method that both know, in each serializer: the right secret gets in, another does
// not. Scram it does not have, nor RawSocket.
import { Wampy } from 'wampy'
import * as cra from 'wampy/wampcra.js'
import * as cryptosign from 'wampy/cryptosign.js'
import { JsonSerializer } from 'wampy/JsonSerializer.js'
import { MsgpackSerializer } from 'wampy/MsgpackSerializer.js'
import { CborSerializer } from 'wampy/CborSerializer.js'
import WebSocket from 'ws'

const key = '4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510'
const pubkey = '1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d'
const other = '00' + key.slice(2)

const ways = [
  ['ticket', 'joe', 'ticket', () => 'ticket1', () => 'other'],
  ['wampcra, salted', 'joe', 'wampcra', cra.sign('secret1'), cra.sign('other')],
  ['wampcra', 'ann', 'wampcra', cra.sign('secret2'), cra.sign('other')],
  ['cryptosign', 'joe', 'cryptosign', cryptosign.sign(key), cryptosign.sign(other), { pubkey }]
]

// join gives {authid, authmethod}, or {reason}.
const join = async (Serializer, authid, method, onChallenge, authextra) => {
  const client = new Wampy(process.argv[2], {
    realm: 'realm1', ws: WebSocket, autoReconnect: false, authid, authmethods: [method], onChallenge, authextra,
    serializer: new Serializer()
  })
  try {
    const details = await client.connect()
    client.disconnect()
    return { authid: details.authid, authmethod: details.authmethod }
  } catch (e) {
    return { reason: e.errorUri ?? String(e) }
  }
}

let failed = 0
const tell = (title, ok, what) => {
  console.log(ok ? `ok - wampy ${title}` : `not ok - wampy ${title}: ${JSON.stringify(what)}`)
  if (!ok) failed++
}
for (const [name, Serializer] of Object.entries({ json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer })) {
  for (const [title, authid, method, right, wrong, extra] of ways) {
    const [good, bad] = [await join(Serializer, authid, method, right, extra), await join(Serializer, authid, method, wrong, extra)]
    tell(`${name}: ${title}`, good.authid === authid && good.authmethod === method && bad.reason === 'wamp.error.authentication_denied', [good, bad])
  }
  const client = new Wampy(process.argv[2], { realm: 'realm1', ws: WebSocket, autoReconnect: false, serializer: new Serializer() })
  const nobody = await client.connect()
  tell(`${name}: anonymous`, nobody.authid && nobody.authmethod === 'anonymous', nobody)
  client.disconnect()
}
process.exit(failed ? 1 : 0)
