import { type CallSigner, callHeader } from '#ports/http'
import { awayStatuses } from '../proxy/proxy-problems.ts'
import { type Before, hanging, reasonOf } from '../proxy/reroute.ts'
import type { Upstream } from '../proxy/upstream.ts'
import type { Upstreams } from '../proxy/upstreams.ts'

export type OriginAnswer = {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Buffer
}

/** Asks the service that an answer comes from. */
export type Origin = {
  /** Whether it failed a moment ago, so that asking is most likely in vain. */
  isAway(): boolean
  /** @throws OriginAway when no instance answers in time */
  ask(target: string, etag: string | undefined): Promise<OriginAnswer>
}

/** It is for whoever asks and not for all of them. */
class AnswerTooLarge extends Error {
  override name = 'AnswerTooLarge'
}

/** Nobody who could answer did. */
class OriginAway extends Error {
  override name = 'OriginAway'
}

const instancesMax = 2
const answerMs = 1_500
const bodyBytesMax = 8 * 1024 * 1024
/** After a failure nobody asks for this long. */
const restMs = 500

export type OriginParts = {
  upstreams: Upstreams
  signer: CallSigner
  nowMs: () => number
  /** Whether what failed may be asked of another instance; if so it counts. */
  mayReroute: (before: Before) => boolean
}

/**
 * Asks the instances that requests are passed on to as well, by the same circuits: one that hangs is left alone, and
 * whoever waits for it is told, whoever noticed.
 */
export function openOrigin(service: string, { upstreams, signer, nowMs, mayReroute }: OriginParts): Origin {
  let restUntilMs = 0
  const askOne = async (upstream: Upstream, target: string, etag: string | undefined) => {
    const stop = new AbortController()
    const attempt = upstreams.begin(upstream, () => stop.abort(hanging()))
    try {
      const answer = await upstream.pool.request({
        path: target,
        method: 'GET',
        headers: {
          accept: '*/*',
          [callHeader]: signer.pass(service),
          ...(etag !== undefined && { 'if-none-match': etag }),
        },
        headersTimeout: answerMs,
        bodyTimeout: answerMs,
        signal: stop.signal,
      })
      upstreams.answered(attempt, awayStatuses.has(answer.statusCode))
      const body = await wholeOf(answer.body)
      return { status: answer.statusCode, headers: answer.headers, body }
    } finally {
      upstreams.ended(attempt)
    }
  }
  return {
    isAway: () => nowMs() < restUntilMs || !upstreams.isThere(service),
    async ask(target, etag) {
      const tried: Upstream[] = []
      let cause: unknown
      while (tried.length < instancesMax) {
        const choice = upstreams.choose(service, tried)
        const [upstream] = tried
        if (choice.kind !== 'chosen') break
        if (upstream !== undefined && !mayReroute({ upstream, reason: reasonOf(cause) })) break
        tried.push(choice.upstream)
        try {
          return await askOne(choice.upstream, target, etag)
        } catch (error) {
          if (error instanceof AnswerTooLarge) throw error
          cause = error
          // A list that takes its time says nothing of its instance, and anybody may ask for one.
          if (reasonOf(error) !== 'timeout') upstreams.failed(choice.upstream)
        }
      }
      restUntilMs = nowMs() + restMs
      throw new OriginAway(`no ${service} instance answers`, { cause })
    },
  }
}

async function wholeOf(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw new AnswerTooLarge('the answer is too large to be kept')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
