// usage: node autobahn_auth.mjs URL URL (ws:// and rs://)
//
// Sessions of autobahn-js that prove who they are, by every method that both know, in each serializer and over RawSocket (where it speaks
// JSON alone): the right secret gets in, another does not. Scram and channel binding it does not have.
import autobahn from 'autobahn'

const key = '4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510'
const other = '00' + key.slice(2)
const { auth_cra: cra, auth_cryptosign: cryptosign } = autobahn

const salted = (secret) => (session, method, extra) =>
  cra.sign(cra.derive_key(secret, extra.salt, extra.iterations, extra.keylen), extra.challenge)
// autobahn keeps private keys where browsers keep what a page remembers.
globalThis.localStorage = { getItem: (hex) => Buffer.from(hex, 'hex').toString('base64') }
const signed = (hex) => {
  const pair = cryptosign.load_private_key(hex)
  return {
    authextra: { pubkey: cryptosign.public_key(pair) },
    onchallenge: (session, method, extra) => cryptosign.sign_challenge(pair, extra)
  }
}

const ways = [
  ['ticket', 'joe', 'ticket', { onchallenge: () => 'ticket1' }, { onchallenge: () => 'other' }],
  ['wampcra, salted', 'joe', 'wampcra', { onchallenge: salted('secret1') }, { onchallenge: salted('other') }],
  ['wampcra', 'ann', 'wampcra', { onchallenge: (s, m, e) => cra.sign('secret2', e.challenge) }, { onchallenge: (s, m, e) => cra.sign('other', e.challenge) }],
  ['cryptosign', 'joe', 'cryptosign', signed(key), signed(other)]
]

// join gives {authid, authmethod}, or {reason}.
const join = (way, authid, method, proof) => new Promise((resolve) => {
  const connection = new autobahn.Connection({
    ...way, realm: 'realm1', authid, authmethods: [method], max_retries: 0,
    ...proof
  })
  connection.onopen = (session, details) => {
    resolve({ authid: details.authid, authmethod: details.authmethod })
    connection.close()
  }
  connection.onclose = (why, details) => {
    resolve({ reason: details.reason || why })
    return true
  }
  connection.open()
})

const [ws, rs] = process.argv.slice(2)
const { hostname: host, port } = new URL(rs)
const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer
const transports = {
  json: () => ({ url: ws, serializers: [new JSONSerializer()] }),
  msgpack: () => ({ url: ws, serializers: [new MsgpackSerializer()] }),
  cbor: () => ({ url: ws, serializers: [new CBORSerializer()] }),
  rawsocket: () => ({ transports: [{ type: 'rawsocket', host, port }] })
}

let failed = 0
const tell = (title, ok, what) => {
  console.log(ok ? `ok - ${title}` : `not ok - ${title}: ${JSON.stringify(what)}`)
  if (!ok) failed++
}
for (const [name, way] of Object.entries(transports)) {
  for (const [title, authid, method, right, wrong] of ways) {
    const [good, bad] = [await join(way(), authid, method, right), await join(way(), authid, method, wrong)]
    tell(`${name}: ${title}`, good.authid === authid && good.authmethod === method && bad.reason === 'wamp.error.authentication_denied', [good, bad])
  }
  const nobody = await join(way(), undefined, 'anonymous', {})
  tell(`${name}: anonymous`, nobody.authid && nobody.authmethod === 'anonymous', nobody)
}
process.exit(failed ? 1 : 0)
