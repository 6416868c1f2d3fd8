// The API in JavaScript: made from the protos alone, while it runs, by public libraries.

import assert from 'node:assert/strict'
import grpc from '@grpc/grpc-js'
import loader from '@grpc/proto-loader'

const NOUNS = ['account', 'admin', 'link', 'secret', 'session', 'settings', 'webhook']
const PATIENCE = 30_000 // milliseconds; an answer takes some, unless the machine is busy

// As a service in JavaScript would load them: proto3 JSON names, 64-bit numbers and enums as text.
export const definition = loader.loadSync(
  [
    ...NOUNS.map(noun => `finlink/config/v1/${noun}_service.proto`),
    'finlink/config/v1/error_reason.proto',
    'google/rpc/status.proto',
    'google/rpc/error_details.proto',
  ],
  {
    includeDirs: [process.env.PROTOS, process.env.GOOGLE_PROTOS],
    longs: String,
    enums: String,
    defaults: true,
    json: true, // shows what an Any holds
  },
)
const { v1 } = grpc.loadPackageDefinition(definition).finlink.config

/** Somebody with a credential, or with none: `await caller.secrets.createSecret({…})`. */
export function caller(credential = '') {
  const metadata = bearer(credential)
  return {
    accounts: service(v1.AccountService, metadata),
    admin: service(v1.AdminService, metadata),
    links: service(v1.LinkService, metadata),
    secrets: service(v1.SecretService, metadata),
    sessions: service(v1.SessionService, metadata),
    settings: service(v1.SettingsService, metadata),
    webhooks: service(v1.WebhookService, metadata),
  }
}

function bearer(credential) {
  const metadata = new grpc.Metadata()
  if (credential) metadata.set('authorization', `Bearer ${credential}`)
  return metadata
}

const stub = Service => new Service(process.env.TARGET, grpc.credentials.createInsecure())

function service(Service, metadata) {
  const client = stub(Service)
  return new Proxy(client, {
    get: (_, method) => (request = {}) => {
      const deadline = { deadline: Date.now() + PATIENCE }
      if (client[method].responseStream) return client[method](request, metadata, deadline)
      return new Promise((resolve, reject) =>
        client[method](request, metadata, deadline, (error, answer) =>
          error ? reject(error) : resolve(answer),
        ),
      )
    },
  })
}

/** Opens WatchRevocations with a deadline that only the server looks at. */
export function watchUntil(timeout, credential) {
  const metadata = bearer(credential)
  metadata.set('grpc-timeout', timeout)
  return stub(v1.SessionService).watchRevocations({}, metadata)
}

/** Expects a refusal with this code and reason, and gives what it tells: facts, fields, seconds. */
export async function refused(call, code, reason) {
  const error = await call.then(
    () => assert.fail(`not refused with ${reason}`),
    error => error,
  )
  assert.ok(error.metadata, String(error))
  const [bytes] = error.metadata.get('grpc-status-details-bin')
  const status = definition['google.rpc.Status'].deserialize(bytes)
  const details = Object.fromEntries(status.details.map(one => [one['@type'].split('.').pop(), one]))

  assert.equal(details.ErrorInfo.reason, reason, error.message)
  assert.equal(error.code, grpc.status[code])
  assert.equal(status.code, error.code)
  assert.equal(status.message, error.details)
  assert.equal(details.ErrorInfo.domain, 'config.finlink')
  assert.ok(REASONS.has(`ERROR_REASON_${reason}`), 'a reason that is not published')
  assert.deepEqual(error.metadata.get('x-call-id'), [details.RequestInfo.requestId])
  const fields = details.BadRequest?.fieldViolations.map(one => one.field) ?? []
  const { seconds, nanos } = details.RetryInfo?.retryDelay ?? { seconds: 0, nanos: 0 }
  return { facts: details.ErrorInfo.metadata, fields, wait: Number(seconds) + nanos / 1e9 }
}

const REASONS = new Set(
  definition['finlink.config.v1.ErrorReason'].type.value.map(value => value.name),
)
