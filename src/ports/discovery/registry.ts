import { backoffMs } from '#kernel/backoff'
import { endLease, leaseMs, listInstances, renewEveryMs, renewLease } from '#kernel/registry'
import { type CallSigner, callHeader, callSigner } from '#kernel/signed-calls'
import type { Clock } from '#ports/clock'
import { Agent, request } from '#ports/connections'
import { createDirectory, type Directory, keyOf } from './directory.ts'
import type { Discovery, Instance } from './discovery.ts'

const callTimeoutMs = 1_000
/** Longer than the registry makes anybody wait for news. */
const listTimeoutMs = 25_000
const retryMaxMs = 2_000

type Connection = {
  url: string
  signer: CallSigner
  clock: Clock
  agent: Agent
  directory: Directory
  signal: AbortSignal
}
type Listing = { revision: string; upMs: number; instances: Instance[] }

/** The registry role over HTTP: a long poll for who is there and a heartbeat for each instance registered here. */
export function openRegistry(url: string, secret: string, clock: Clock): Discovery {
  const stop = new AbortController()
  const directory = createDirectory()
  const agent = new Agent({
    connect: { timeout: callTimeoutMs },
    headersTimeout: listTimeoutMs,
    keepAliveTimeout: 30_000,
  })
  const connection = {
    url: baseOf(url),
    signer: callSigner(secret, () => Math.floor(clock.now() / 1000)),
    clock,
    agent,
    directory,
    signal: stop.signal,
  }
  const first = Promise.withResolvers<void>()
  const following = follow(connection, first.resolve)
  const registered = new Set<AsyncDisposable>()
  return {
    async register(instance) {
      const lease = await holdLease(connection, instance)
      registered.add(lease)
      return {
        async [Symbol.asyncDispose]() {
          registered.delete(lease)
          await lease[Symbol.asyncDispose]()
        },
      }
    },
    instances: directory.instances,
    onChange: directory.onChange,
    async ready(timeoutMs) {
      const enough = new AbortController()
      // Called off by the answer.
      const timeout = clock.sleep(timeoutMs, enough.signal).catch(() => {})
      await Promise.race([first.promise, timeout])
      enough.abort()
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...registered].map((lease) => lease[Symbol.asyncDispose]()))
      stop.abort()
      await following
      await agent.destroy()
    },
  }
}

/** Keeps the directory as the registry has it, for as long as the connection is open. */
async function follow(connection: Connection, onFirst: () => void): Promise<void> {
  const { clock, directory, signal } = connection
  const heardFrom = new Map<string, string>()
  let after: string | undefined
  let failures = 0
  while (!signal.aborted) {
    try {
      const listing = await list(connection, after)
      failures = 0
      after = listing.revision
      directory.replace(merge(directory.all(), listing, heardFrom))
      onFirst()
    } catch {
      // A registry that is away says nothing about the instances: they stay as they are.
      await pause(clock, 50 + backoffMs(failures++, clock.random(), 200, retryMaxMs), signal)
    }
  }
}

/**
 * A registry younger than one lease cannot know who is missing: what another registry told us stays until this one has
 * heard from everybody. What this registry itself listed before and lists no more is gone.
 * @param heardFrom which registry, by its start, listed an instance last
 */
export function merge(
  known: readonly Instance[],
  listing: Listing,
  heardFrom: Map<string, string>,
): Instance[] {
  const registry = listing.revision.split('.', 1)[0] ?? ''
  const merged = new Map(listing.instances.map((instance) => [keyOf(instance), instance]))
  for (const key of merged.keys()) heardFrom.set(key, registry)
  for (const instance of known) {
    const key = keyOf(instance)
    if (merged.has(key)) continue
    if (listing.upMs < leaseMs && heardFrom.get(key) !== registry) merged.set(key, instance)
    else heardFrom.delete(key)
  }
  return [...merged.values()]
}

/** Registers, then renews until disposed. A registry that is away or new is told as soon as it answers. */
async function holdLease(connection: Connection, instance: Instance): Promise<AsyncDisposable> {
  const { clock } = connection
  const stop = new AbortController()
  const path = `/internal/instances/${encodeURIComponent(instance.service)}/${encodeURIComponent(instance.id)}`
  // A registry that is away is told again, sooner than usual.
  const renew = () => send(connection, renewLease.method, path, JSON.stringify(instance)).catch(() => false)
  const renewing = (async (isHeld: boolean) => {
    for (let held = isHeld; !stop.signal.aborted; held = stop.signal.aborted || (await renew()))
      await pause(clock, held ? renewEveryMs : renewEveryMs / 8, stop.signal)
  })(await renew())
  return {
    async [Symbol.asyncDispose]() {
      if (stop.signal.aborted) return
      stop.abort()
      await renewing
      // Where nobody hears it, the lease runs out.
      await send(connection, endLease.method, path, null).catch(() => false)
    },
  }
}

async function list(connection: Connection, after: string | undefined): Promise<Listing> {
  const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`
  const path = listInstances.path + query
  const { statusCode, body } = await request(connection.url + path, {
    dispatcher: connection.agent,
    headers: { [callHeader]: connection.signer.call(listInstances.method, path, null) },
    signal: AbortSignal.any([connection.signal, AbortSignal.timeout(listTimeoutMs)]),
  })
  if (statusCode !== 200) {
    await body.dump()
    throw new Error(`the registry answered ${statusCode}`)
  }
  return (await body.json()) as Listing
}

/** @returns whether the registry took it */
async function send(
  connection: Connection,
  method: string,
  path: string,
  json: string | null,
): Promise<boolean> {
  const { statusCode, body } = await request(connection.url + path, {
    dispatcher: connection.agent,
    method: method as 'PUT' | 'DELETE',
    headers: {
      [callHeader]: connection.signer.call(method, path, json),
      ...(json !== null && { 'content-type': 'application/json' }),
    },
    body: json,
    signal: AbortSignal.timeout(callTimeoutMs),
  })
  await body.dump()
  return statusCode < 300
}

// The sleep is called off by the end.
const pause = (clock: Clock, ms: number, signal: AbortSignal) => clock.sleep(ms, signal).catch(() => {})

function baseOf(url: string): string {
  const { protocol, host } = new URL(url)
  if (protocol !== 'registry:' || host === '') throw new TypeError(`"${url}" should be registry://host:port`)
  return `http://${host}`
}
