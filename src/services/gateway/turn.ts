import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { epochHeader, readEpoch } from '#kernel/fleet-picture'
import { Problem } from '#kernel/problem'
import { type Clock, every } from '#ports/clock'
import { addressRanges, plainAddress } from '#ports/http'
import { followNamed, type Metadata } from '#ports/kubernetes'
import { logger } from '#ports/log'
import { roleMeter } from '#ports/telemetry'
import { isSafe } from './proxy/safe-methods.ts'

/** The turn of the databases' primary that this cluster has heard of. */
export type Turn = AsyncDisposable & {
  readonly epoch: number
  /** Why this cluster may not carry a request out, if it may not: it would write to a primary of an earlier turn. */
  refusal(request: IncomingMessage): Problem | undefined
}

const log = logger('gateway')
const readEveryMs = 500
const firstLimitMs = 2_000
const tellEveryMs = 60_000

/**
 * Follows the turn at a URL: `file:///path`, or `kubernetes://host:port/namespace/name`, a ConfigMap with the key `epoch`.
 * Until it can be read it is 0, and what was read last stays when it is away.
 * @param proxies whose word on which turn it is is taken: the fleet's edges
 * @throws TypeError when the URL names no source
 */
export async function openTurn(url: string, proxies: readonly string[], clock: Clock): Promise<Turn> {
  const isTrusted = addressRanges(proxies)
  const meter = roleMeter('gateway')
  const refusals = meter.counter(
    'octavo_gateway_behind_total',
    'Changes refused because the databases are in a later turn than this cluster has heard of.',
  )
  let epoch = 0
  let toldMs = Number.NEGATIVE_INFINITY
  const source = await followEpoch(url, clock, (next) => {
    if (next === epoch) return
    log.info('goes by another turn of the databases', { epoch: next, before: epoch })
    epoch = next
  })
  const shown = meter.observed('octavo_gateway_epoch', 'The turn that this cluster has heard of.', [], () => [
    [epoch],
  ])
  return {
    get epoch() {
      return epoch
    },
    refusal({ method, socket, headers }) {
      if (isSafe(method)) return undefined
      const said = headers[epochHeader]
      const latest = typeof said === 'string' ? readEpoch(said) : undefined
      if (latest === undefined || latest <= epoch) return undefined
      if (!isTrusted(plainAddress(socket.remoteAddress ?? ''))) return undefined
      refusals.add(1)
      if (clock.monotonicMs() - toldMs >= tellEveryMs) {
        toldMs = clock.monotonicMs()
        log.warn('changes are refused: the databases are in a later turn', { epoch, latest })
      }
      return behind(epoch)
    },
    async [Symbol.asyncDispose]() {
      shown[Symbol.dispose]()
      await source[Symbol.asyncDispose]()
    },
  }
}

/** With its own turn, by which an edge knows that nothing was done, and sends it elsewhere. */
const behind = (epoch: number) =>
  new Problem(
    503,
    'cluster-behind',
    'The databases have moved, and this cluster has not heard of it yet; nothing was changed.',
    {},
    { 'retry-after': '1', [epochHeader]: String(epoch) },
  )

type Tell = (epoch: number) => void

async function followEpoch(url: string, clock: Clock, tell: Tell): Promise<AsyncDisposable> {
  if (url.startsWith('file:')) return await followFile(fileURLToPath(url), clock, tell)
  if (url.startsWith('kubernetes:')) return await followMap(url, clock, tell)
  throw new TypeError(`OCTAVO_FLEET_EPOCH is "${url}"; it should begin with file: or kubernetes:`)
}

async function followFile(path: string, clock: Clock, tell: Tell): Promise<AsyncDisposable> {
  const look = async () => {
    // One that is away or being replaced is read again.
    const text = await readFile(path, 'utf8').catch(() => undefined)
    const epoch = readEpoch(text)
    if (epoch !== undefined) tell(epoch)
  }
  await look()
  return every(clock, readEveryMs, look)
}

type EpochMap = { metadata: Metadata; data?: { epoch?: string } }

/** Heard as it changes: what is mounted of a ConfigMap follows it a minute later. */
async function followMap(url: string, clock: Clock, tell: Tell): Promise<AsyncDisposable> {
  const enough = new AbortController()
  const following = await followNamed<EpochMap>(url, {
    ...{ group: '/api/v1', resource: 'configmaps', usualName: 'octavo-fleet', clock },
    changed({ data }) {
      const epoch = readEpoch(data?.epoch)
      if (epoch !== undefined) tell(epoch)
    },
  })
  // The sleep is called off by the answer.
  await Promise.race([following.first, clock.sleep(firstLimitMs, enough.signal).catch(() => {})])
  enough.abort()
  return following
}
