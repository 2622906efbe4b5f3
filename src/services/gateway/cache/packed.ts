import { promisify } from 'node:util'
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib'
import type { Entry } from './entry.ts'

export type Encoding = 'br' | 'zstd' | 'gzip'

/** The compressed forms of one body: made once, when somebody first could use them, and kept. */
export type Packed = {
  /** @returns the form if it is there; if not, it is being made unless too many are */
  take(encoding: Encoding): Buffer | undefined
}

/** Smaller bodies fit into a packet or two as they are. */
const bytesMin = 1_024
/** Compressing takes other threads; so many bodies at a time, and so many that wait, are all it may be used for. */
const atOnceMax = 2
const waitingMax = 64
const compressible = /^(application\/(problem\+)?json|text\/|image\/svg)/i

const compress: Record<Encoding, (body: Buffer) => Promise<Buffer>> = {
  br: (body) =>
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }) as Promise<Buffer>,
  zstd: (body) => promisify(zstdCompress)(body) as Promise<Buffer>,
  gzip: (body) => promisify(gzip)(body) as Promise<Buffer>,
}

let running = 0
const waiting: (() => Promise<void>)[] = []

/** Begins what waits, as far as there is room. */
function next(): void {
  while (running < atOnceMax) {
    const job = waiting.shift()
    if (job === undefined) return
    running++
    void job().finally(() => {
      running--
      next()
    })
  }
}

export function packed({ headers, body }: Pick<Entry, 'headers' | 'body'>): Packed {
  const forms = new Map<Encoding, Buffer | undefined>()
  const isWorthIt = body.length >= bytesMin && compressible.test(headers['content-type'] ?? '')
  return {
    take(encoding) {
      if (!isWorthIt) return undefined
      if (forms.has(encoding)) return forms.get(encoding)
      if (waiting.length >= waitingMax) return undefined
      forms.set(encoding, undefined)
      waiting.push(async () => {
        // Whoever asked gets it as it is.
        const form = await compress[encoding](body).catch(() => undefined)
        if (form !== undefined && form.length < body.length) forms.set(encoding, form)
      })
      next()
      return undefined
    },
  }
}

/** What a caller takes, the best first. Source: RFC 9110 section 12.5.3. */
export function encodingsOf(acceptEncoding: string | undefined): Encoding[] {
  if (acceptEncoding === undefined) return []
  const taken = new Map<string, number>()
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((each) => each.trim())
    const q = parameters.find((each) => each.startsWith('q='))
    taken.set(name, q === undefined ? 1 : Number(q.slice(2)))
  }
  const weight = (encoding: string) => taken.get(encoding) ?? taken.get('*') ?? 0
  return (['br', 'zstd', 'gzip'] as const)
    .filter((encoding) => weight(encoding) > 0)
    .sort((a, b) => weight(b) - weight(a))
}
