// The end of the main story: a leak, a rotation, the proof of who did what, and no app any more.

import assert from 'node:assert/strict'
import { refused } from './finlink.mjs'

export async function leak({ ana, nobody, validate, app, leaked }) {
  const { clientSecret, secret } = leaked
  const login = { clientId: app.id, clientSecret }
  const { accessToken } = await nobody.sessions.startSession(login)
  assert.equal((await validate(accessToken)).active, true)

  const answer = await nobody.secrets.reportLeakedSecret({ clientSecret })

  assert.deepEqual(answer, {})
  assert.equal((await validate(accessToken)).inactiveReason, 'INACTIVE_REASON_SECRET_REVOKED')
  await refused(
    nobody.sessions.startSession(login), 'UNAUTHENTICATED', 'CLIENT_CREDENTIALS_INVALID',
  )
  const ended = (await ana.secrets.getSecret({ secretId: secret.id })).secret
  assert.equal(ended.endReason, 'SECRET_END_REASON_LEAKED')
}

export async function rotation({ ana, nobody, validate, app, password, rotated, session }) {
  const made = await ana.secrets.rotateSecret({
    secretId: rotated.secret.id, password, overlap: { seconds: '3600' },
  })
  const next = await nobody.sessions.startSession({
    clientId: app.id, clientSecret: made.clientSecret,
  })

  const { retiringSecret } = made
  assert.equal(retiringSecret.id, rotated.secret.id)
  assert.equal(retiringSecret.state, 'SECRET_STATE_RETIRING')
  assert.equal(retiringSecret.replacedBy, made.secret.id)
  const overlap = Number(retiringSecret.expireTime.seconds) - Number(made.secret.createTime.seconds)
  assert.ok(Math.abs(overlap - 3600) < 5, `${overlap} seconds`) // it took some to make the other
  for (const { accessToken } of [session, next]) {
    assert.equal((await validate(accessToken)).active, true)
  }
}

export async function proof({ ana, app, revoked, leaked, rotated }) {
  const types = ['secret.revoked', 'secret.leaked', 'secret.rotated']

  const { events } = await ana.accounts.listAuditEvents({ appId: app.id, types })

  assert.deepEqual(
    events.map(one => [one.type, one.actor.kind, one.targetId]),
    [
      ['secret.rotated', 'ACTOR_KIND_ACCOUNT', rotated.id],
      ['secret.leaked', 'ACTOR_KIND_ANONYMOUS', leaked.id],
      ['secret.revoked', 'ACTOR_KIND_ACCOUNT', revoked.id],
    ],
  )
}

export async function deletion({ ana, validate, app, password, session }) {
  await ana.accounts.deleteApp({ appId: app.id, password })

  const { inactiveReason } = await validate(session.accessToken)
  assert.equal(inactiveReason, 'INACTIVE_REASON_APP_DELETED')
  await refused(ana.accounts.getApp({ appId: app.id }), 'NOT_FOUND', 'APP_NOT_FOUND')
}
