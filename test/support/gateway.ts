import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig, readSecrets } from '#config'
import type { Service } from '#process/service-shell'
import { requiredRoles, routedRoles } from '#roles'
import { createGateway, type GatewayOverrides } from '../../src/services/gateway/service.ts'

export { until } from './until.ts'

/** Real upstreams and a real gateway for this folder's tests. */

export type Upstream = { url: string; requests: IncomingMessage[]; stop: () => Promise<void> }

export async function startUpstream(t: TestContext, handler: RequestListener): Promise<Upstream> {
  const requests: IncomingMessage[] = []
  const server = createServer((incoming, response) => {
    requests.push(incoming)
    handler(incoming, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const stop = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  t.after(stop)
  return { url: urlOf(server.address() as AddressInfo), requests, stop }
}

/** The address of a port that nobody listens on. */
export async function deadUrl(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const url = urlOf(server.address() as AddressInfo)
  await new Promise((resolve) => server.close(resolve))
  return url
}

const urlOf = ({ port }: AddressInfo) => `http://127.0.0.1:${port}`

/** @param instances such as `catalog=http://…;orders=http://…` */
export async function startGateway(
  t: TestContext,
  instances: string,
  overrides: GatewayOverrides = {},
  env: Record<string, string> = {},
): Promise<Service> {
  const settings = {
    OCTAVO_PORT: '0',
    OCTAVO_SECRET: 'secret',
    OCTAVO_DISCOVERY: `static:${instances}`,
    OCTAVO_BROKER: `memory:gateway-${crypto.randomUUID()}`,
    ...env,
  }
  const gateway = await createGateway(
    readConfig(settings),
    readSecrets(settings, ['secret', 'broker', 'cache', 'metricsToken']),
    { routed: routedRoles, required: requiredRoles },
    {
      roots: { site: '/nowhere', shop: '/nowhere', docs: '/nowhere' },
      // Most tests are about how requests are passed on.
      cachesReads: false,
      ...overrides,
    },
  )
  t.after(() => gateway[Symbol.asyncDispose]())
  await gateway.start()
  return gateway
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

/** Sends bytes as they are and gives back all that came until the other side closed, or `waitMs` passed. */
export async function rawExchange(url: string, bytes: string, waitMs = 3_000): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.write(bytes)
  await Promise.race([
    new Promise((resolve) => socket.once('close', resolve)),
    sleep(waitMs, undefined, { ref: false }),
  ])
  socket.destroy()
  return text
}

/** An open response, for streams. */
export function openResponse(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, resolve).on('error', reject).end()
  })
}
