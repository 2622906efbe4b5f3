import type { Clock } from '#ports/clock'
import type { Discovery } from '#ports/discovery'
import { callHeader, callSigner } from '#ports/http'
import { getCover } from '#services/catalog'

export type Covers = {
  /** The book's cover as SVG, or `undefined` when there is none to be had now. Never throws, never takes long. */
  find(isbn: string): Promise<string | undefined>
}

const deadlineMs = 1_000
const coverCharactersMax = 500_000
const keptMax = 100
const keptForMs = 10 * 60_000
/** After a failure nobody asks for this long: an order of many books must not wait for an absent catalogue each time. */
const pauseAfterFailureMs = 3_000

/** Covers over HTTP from the catalogue, kept for a while: a drop is thousands of vouchers for one book. */
export function openCovers(discovery: Discovery, clock: Clock, secret: string): Covers {
  const signer = callSigner(secret)
  const kept = new Map<string, { cover: Promise<string | undefined>; untilMs: number }>()
  let pausedUntilMs = 0

  const ask = async (isbn: string): Promise<string | undefined> => {
    const instances = discovery.instances('catalog')
    const instance = instances[Math.floor(clock.random() * instances.length)]
    if (instance === undefined) return undefined
    const path = getCover.path.replace('{isbn}', encodeURIComponent(isbn))
    try {
      const response = await fetch(instance.url + path, {
        headers: { [callHeader]: signer.call(getCover.method, path, null) },
        signal: AbortSignal.timeout(deadlineMs),
      })
      const text = await response.text()
      const isCover = response.ok && text.length <= coverCharactersMax && /<svg[\s>]/.test(text)
      return isCover ? text : undefined
    } catch {
      // A voucher is drawn without its cover; a catalog that is away is given a rest.
      pausedUntilMs = clock.monotonicMs() + pauseAfterFailureMs
      return undefined
    }
  }

  return {
    async find(isbn) {
      const nowMs = clock.monotonicMs()
      const known = kept.get(isbn)
      if (known !== undefined && known.untilMs > nowMs) return known.cover
      if (nowMs < pausedUntilMs) return undefined
      const cover = ask(isbn)
      kept.set(isbn, { cover, untilMs: nowMs + keptForMs })
      for (const oldest of kept.keys()) {
        if (kept.size <= keptMax) break
        kept.delete(oldest)
      }
      const found = await cover
      // A book that has no cover yet may have one soon.
      if (found === undefined) kept.set(isbn, { cover, untilMs: clock.monotonicMs() + pauseAfterFailureMs })
      return found
    },
  }
}
