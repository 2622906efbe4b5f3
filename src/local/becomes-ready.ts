import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '#config'
import { StartError } from './data-folder.ts'
import { type OwnDoor, ownDoor } from './own-door.ts'

const readyLimitMs = 120_000
const readyPollMs = 50

/** Waits until the gateway says that everything behind it is there. */
export async function becomesReady(
  { host, tls }: Pick<Config['gateway'], 'host' | 'tls'>,
  port: number,
  stop: AbortSignal,
): Promise<void> {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (isIP(host) === 6 ? `[${host}]` : host)
  using door = ownDoor(`${tls ? 'https' : 'http'}://${reachable}:${port}`)
  const deadline = performance.now() + readyLimitMs
  while (!stop.aborted) {
    if ((await readiness(door)) === 200) return
    if (performance.now() > deadline)
      throw new StartError(`the store was not ready within ${readyLimitMs / 1000} s; its log above says why`)
    await sleep(readyPollMs)
  }
}

function readiness(door: OwnDoor): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = door.get('/readyz', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.setTimeout(2_000, () => request.destroy())
    // That nobody answers is the answer.
    request.once('error', () => resolve(undefined))
  })
}
