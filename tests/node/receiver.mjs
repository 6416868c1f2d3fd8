// A receiver of webhooks: `next()` waits for the next request, and gives it as it came.

import { EventEmitter, on } from 'node:events'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'

export async function listen() {
  const arrivals = new EventEmitter()
  const requests = on(arrivals, 'request')
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    response.writeHead(204).end()
    arrivals.emit('request', { headers: request.headers, body: body.toString() })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    uri: `http://127.0.0.1:${server.address().port}/hook`,
    next: async () => (await requests.next()).value[0],
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
