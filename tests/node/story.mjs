// The main story, as somebody tells it who has the protos and no code of ours.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import grpc from '@grpc/grpc-js'
import { Webhook } from 'standardwebhooks'
import { deletion, leak, proof, rotation } from './endings.mjs'
import { caller, refused, watchUntil } from './finlink.mjs'
import { listen } from './receiver.mjs'

const operator = caller(process.env.OPERATOR_KEY)
const nobody = caller()
const email = `${randomUUID()}@example.com`
const password = randomUUID()

// The test reads these lines.
const done = title => console.log(title)

const platform = async role => {
  const made = await operator.admin.createServiceKey({
    displayName: role,
    roles: [`ROLE_${role}`],
    eventPrefixes: role === 'PUBLISHER' ? ['connection.'] : [],
  })
  return made.key
}
const keys = await Promise.all(['VERIFIER', 'LINK', 'PUBLISHER'].map(platform))
const [verifierKey] = keys
const [verifier, linkFrontEnd, publisher] = keys.map(key => caller(key))

// --------------------------------------------------------------------------------- account

const creation = { email, displayName: 'Ana', requestId: randomUUID() }
const created = await operator.admin.createAccount(creation)
assert.equal(created.account.state, 'ACCOUNT_STATE_PENDING')
const again = await refused(
  operator.admin.createAccount(creation), 'ALREADY_EXISTS', 'ACCOUNT_ALREADY_EXISTS',
)
assert.equal(again.facts.account_id, created.account.id)
done('an operator makes an account, once however often the request comes')

await nobody.accounts.setPassword({ setupToken: created.setupToken, newPassword: password })
await refused(
  nobody.accounts.signIn({ email, password: 'not the password' }),
  'UNAUTHENTICATED', 'SIGN_IN_FAILED',
)
const signedIn = await nobody.accounts.signIn({ email, password })
const ana = caller(signedIn.accountToken)
done('its owner sets a password, and signs in')

const guess = { email: `${randomUUID()}@example.com`, password: 'not the password' }
for (let free = 4; free; free--) {
  await refused(nobody.accounts.signIn(guess), 'UNAUTHENTICATED', 'SIGN_IN_FAILED')
}
const { wait } = await refused(
  nobody.accounts.signIn(guess), 'RESOURCE_EXHAUSTED', 'RATE_LIMITED',
)
assert.ok(wait > 0 && wait <= 2, `${wait} seconds`)
done('who guesses passwords is told how long to wait')

// ------------------------------------------------------------------------- app and secrets

const asked = {
  displayName: 'Shop (internal)',
  publicName: 'Shop',
  environment: 'ENVIRONMENT_SANDBOX',
  requestId: randomUUID(),
}
const { app } = await ana.accounts.createApp(asked)
assert.deepEqual((await ana.accounts.createApp(asked)).app, app)
assert.equal(app.environment, 'ENVIRONMENT_SANDBOX')
const reused = await refused(
  ana.accounts.createApp({ ...asked, publicName: 'Another' }),
  'INVALID_ARGUMENT', 'REQUEST_ID_REUSED',
)
assert.deepEqual(reused.fields, ['request_id'])
done('the owner makes an app, once however often the request comes')

const secrets = []
for (const displayName of ['one', 'two', 'three', 'four', 'five']) {
  secrets.push(await ana.secrets.createSecret({ appId: app.id, displayName }))
}
const { facts } = await refused(
  ana.secrets.createSecret({ appId: app.id, displayName: 'six' }),
  'FAILED_PRECONDITION', 'SECRET_LIMIT_REACHED',
)
assert.deepEqual(facts, { app_id: app.id, limit: '5' })
done('the app has five live secrets, and the sixth is refused')

// -------------------------------------------------------------------------------- sessions

const [{ secret, clientSecret }] = secrets
const login = { clientId: app.id, clientSecret }
const validate = accessToken =>
  verifier.sessions.validateSession({ accessToken, requiredScopes: ['read'] })

const older = await nobody.sessions.startSession(login)
const valid = await validate(older.accessToken)
assert.equal(valid.active, true)
assert.equal(valid.inactiveReason, 'INACTIVE_REASON_UNSPECIFIED')
assert.deepEqual(valid.session.scopes, ['read', 'write', 'delete'])

const session = await nobody.sessions.startSession(login)
assert.equal(session.supersededSessionId, older.session.id)
assert.equal((await validate(older.accessToken)).inactiveReason, 'INACTIVE_REASON_SUPERSEDED')
assert.equal((await validate(session.accessToken)).active, true)
done('a second session ends the first')

const reader = await nobody.sessions.startSession({
  clientId: app.id, clientSecret: secrets[1].clientSecret, scopes: ['read'],
})
const lacking = await verifier.sessions.validateSession({
  accessToken: reader.accessToken, requiredScopes: ['read', 'write', 'delete'],
})
assert.deepEqual(reader.session.scopes, ['read'])
assert.equal(lacking.active, true)
assert.deepEqual(lacking.missingScopes, ['write', 'delete'])
assert.deepEqual((await validate(reader.accessToken)).missingScopes, [])
const narrow = await refused(
  caller(reader.accessToken).links.createLinkToken({ parameters: {} }),
  'PERMISSION_DENIED', 'SCOPE_MISSING',
)
assert.equal(narrow.facts.scope, 'write')
done('a session that was given less is told what it lacks')

// -------------------------------------------------------------------------------- settings

const backend = caller(session.accessToken)
const { settings } = await ana.settings.getSettings({ appId: app.id })
assert.equal(settings.version, '1')
const force = {
  settings: {
    appId: app.id,
    etag: settings.etag,
    link: {
      forceAuthToken: true,
      redirects: [{ displayName: 'Shop', uri: 'https://shop.example/back' }],
    },
  },
  updateMask: { paths: ['link.force_auth_token', 'link.redirects'] },
}
const updated = await ana.settings.updateSettings(force)
assert.equal(updated.settings.version, '2')
const conflict = await refused(ana.settings.updateSettings(force), 'ABORTED', 'ETAG_MISMATCH')
assert.equal(conflict.facts.etag, updated.settings.etag)
await refused(backend.settings.updateSettings(force), 'PERMISSION_DENIED', 'ACCOUNT_TOKEN_REQUIRED')

const version = '9007199254740993' // no double is this number
const missing = await refused(
  ana.settings.getSettings({ appId: app.id, version }), 'NOT_FOUND', 'SETTINGS_VERSION_NOT_FOUND',
)
assert.equal(missing.facts.version, version)
done('of two writers with one etag the second is told, and 64 bits stay whole')

const following = ana.settings.watchSettings({ appIds: [app.id] })
const versions = following[Symbol.asyncIterator]()
let snapshot
do snapshot = (await versions.next()).value
while (!snapshot.settings.length)
assert.deepEqual(snapshot.settings, [updated.settings])

const { banks } = await backend.settings.listBanks({ query: 'santander', countryCodes: ['ES'] })
assert.ok(banks.length > 0)
assert.equal(banks[0].status, 'BANK_STATUS_OPERATIONAL')
const narrowed = await ana.settings.updateSettings({
  settings: { appId: app.id, banks: { mode: 'BANK_LIST_MODE_ONLY', bankIds: [banks[0].id] } },
  updateMask: { paths: ['banks'] },
})
const own = await backend.settings.listAppBanks({ appId: app.id })
assert.deepEqual(own.banks.map(one => one.bank.id), [banks[0].id])
done('the app shows the banks that it chose')

let change
do change = (await versions.next()).value
while (!change.settings.length)
assert.deepEqual(change.settings, [narrowed.settings])
following.on('error', error => assert.equal(error.code, grpc.status.CANCELLED))
following.cancel()
done('who watches the settings is told of it')

// ------------------------------------------------------------------------------------ Link

const [redirect] = updated.settings.link.redirects
await refused(
  linkFrontEnd.links.openLink({ query: `id=${redirect.id}&product=TRANSACTIONS` }),
  'FAILED_PRECONDITION', 'LINK_AUTH_TOKEN_REQUIRED',
)
const { authToken, linkToken } = await backend.links.createLinkToken({
  parameters: { redirectId: redirect.id, product: 'PRODUCT_TRANSACTIONS', externalId: 'order 42' },
  ttl: { seconds: '300' },
})
assert.equal(Number(linkToken.expireTime.seconds) - Number(linkToken.createTime.seconds), 300)
const opening = { query: `authToken=${authToken}&product=INVESTMENTS`, requestId: randomUUID() }
const { link } = await linkFrontEnd.links.openLink(opening)
assert.equal(link.parameters.product, 'PRODUCT_TRANSACTIONS')
assert.equal(link.parameters.externalId, 'order 42')
assert.deepEqual(link.ignoredParameters, ['product'])
assert.equal((await linkFrontEnd.links.openLink(opening)).link.id, link.id)
await refused(
  linkFrontEnd.links.openLink({ ...opening, requestId: randomUUID() }),
  'FAILED_PRECONDITION', 'LINK_TOKEN_USED_UP',
)
done('Link opens with an auth token only, with what was stored in it, once')

// -------------------------------------------------------------------------------- webhooks

const receiver = await listen()
const { endpoint, signingSecret } = await ana.webhooks.createEndpoint({
  appId: app.id, uri: receiver.uri, eventTypes: ['connection.ready', 'secret.*'],
})
const webhook = new Webhook(signingSecret)
await publisher.webhooks.publishEvent({
  appId: app.id, eventId: 'con-41', type: 'connection.slow', payloadJson: '{}', // nobody wants it
})
const payloadJson = JSON.stringify({ connection_id: 'con_42', bank: 'Crédit 🏦' })
const published = await publisher.webhooks.publishEvent({
  appId: app.id, eventId: 'con-42', type: 'connection.ready', payloadJson,
})
const arrived = await receiver.next()
const event = webhook.verify(arrived.body, arrived.headers)
assert.equal(event.id, published.event.id)
assert.equal(event.type, 'connection.ready')
assert.deepEqual(event.data, JSON.parse(payloadJson))
assert.throws(() => webhook.verify(arrived.body.replace('42', '43'), arrived.headers))
done('an event of another service arrives, and its signature verifies')

// ------------------------------------------------------------------------ watch and revoke

const watching = verifier.sessions.watchRevocations()
const revocations = []
let caughtUp, revoked
const beforeLive = new Promise(resolve => (caughtUp = resolve))
const live = new Promise(resolve => (revoked = resolve))
watching.on('error', error => assert.equal(error.code, grpc.status.CANCELLED))
watching.on('data', message => {
  revocations.push(...message.revocations)
  if (message.caughtUp) caughtUp()
  for (const one of message.revocations) if (one.sessionId === session.session.id) revoked(one)
})
await beforeLive
assert.ok(revocations.some(one => one.sessionId === older.session.id))

const wrong = await refused(
  ana.secrets.revokeSecret({ secretId: secret.id, password: 'not the password' }),
  'PERMISSION_DENIED', 'PASSWORD_WRONG',
)
assert.equal(wrong.facts.attempts_left, '4')
assert.equal((await validate(session.accessToken)).active, true)

const ended = await ana.secrets.revokeSecret({ secretId: secret.id, password })
assert.equal(ended.secret.state, 'SECRET_STATE_REVOKED')
assert.equal(ended.endedSession.id, session.session.id)
assert.equal((await validate(session.accessToken)).inactiveReason, 'INACTIVE_REASON_SECRET_REVOKED')
await refused(backend.sessions.getSession(), 'UNAUTHENTICATED', 'SESSION_INACTIVE')
assert.equal((await validate(reader.accessToken)).active, true)
assert.equal((await caller(reader.accessToken).sessions.getSession()).session.id, reader.session.id)
done('revoking a secret needs the password, and ends its session alone')

assert.equal((await live).reason, 'INACTIVE_REASON_SECRET_REVOKED')
assert.ok(!revocations.some(one => one.sessionId === reader.session.id))
watching.cancel()
done('who watches is told of it')

const told = await receiver.next()
const revocation = webhook.verify(told.body, told.headers)
assert.equal(revocation.type, 'secret.revoked')
assert.equal(revocation.data.secret_id, secret.id)
assert.equal(revocation.data.ended_session_id, session.session.id)
const { deliveries } = await ana.webhooks.listDeliveries({ appId: app.id })
assert.deepEqual(
  deliveries.map(one => one.eventType).toSorted(), ['connection.ready', 'secret.revoked'],
)
await ana.webhooks.deleteEndpoint({ endpointId: endpoint.id })
receiver.close()
done('the webhook tells it too, and nothing that was not asked for')

// --------------------------------------------------------------------------------- endings

const cast = { ana, nobody, validate, app, password }
const [, rotated, , , leaked] = secrets
await leak({ ...cast, leaked })
done('whoever finds a leaked secret can end it')
await rotation({ ...cast, rotated, session: reader })
done('a secret is rotated, and its session lives on beside a new one')
await proof({ ...cast, revoked: secret, leaked: leaked.secret, rotated: rotated.secret })
done('the audit log says who ended what')
await deletion({ ...cast, session: reader })
done('a deleted app takes its sessions along')

// -------------------------------------------------------------------------------- deadline

const [late] = await once(watchUntil('100m', verifierKey).resume(), 'error')
assert.equal(late.code, grpc.status.DEADLINE_EXCEEDED)
done('the server ends a stream at its deadline')
