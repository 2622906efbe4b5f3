import type { Clock } from '#ports/clock'
import { Agent, request } from '#ports/connections'
import type { Discovery } from '#ports/discovery'
import { type CallSigner, callHeader } from '#ports/http'

export type OriginAnswer = {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Buffer
}

/** Asks the service that an answer comes from. */
export type Origin = AsyncDisposable & {
  /** Whether it failed a moment ago, so that asking is most likely in vain. */
  isAway(): boolean
  /** @throws OriginAway when no instance answers in time */
  ask(target: string, etag: string | undefined): Promise<OriginAnswer>
}

/** Nobody who could answer did. */
class OriginAway extends Error {
  override name = 'OriginAway'
}

const instancesMax = 2
const answerMs = 1_500
const connectMs = 500
const bodyBytesMax = 8 * 1024 * 1024
/** After a failure nobody asks for this long. */
const restMs = 500

export type OriginOptions = { discovery: Discovery; clock: Clock; signer: CallSigner }

/** @param service whose instances `discovery` knows */
export function openOrigin(service: string, { discovery, clock, signer }: OriginOptions): Origin {
  const agent = new Agent({
    connections: 16,
    connect: { timeout: connectMs },
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    keepAliveTimeout: 30_000,
    maxResponseSize: bodyBytesMax,
  })
  const failedMs = new Map<string, number>()
  let restUntilMs = 0
  let turn = 0

  const instances = () => {
    const found = discovery.instances(service)
    const rotated = found.map((_, i) => found[(i + turn) % found.length] as (typeof found)[number])
    turn++
    const lastFailure = ({ id }: { id: string }) => failedMs.get(id) ?? 0
    return rotated.sort((a, b) => lastFailure(a) - lastFailure(b)).slice(0, instancesMax)
  }
  return {
    isAway: () => clock.monotonicMs() < restUntilMs,
    async ask(target, etag) {
      let cause: unknown
      for (const instance of instances()) {
        try {
          const answer = await request(instance.url + target, {
            dispatcher: agent,
            headers: {
              accept: '*/*',
              [callHeader]: signer.pass(service),
              ...(etag !== undefined && { 'if-none-match': etag }),
            },
          })
          const body = Buffer.from(await answer.body.arrayBuffer())
          failedMs.delete(instance.id)
          return { status: answer.statusCode, headers: answer.headers, body }
        } catch (error) {
          cause = error
          if (failedMs.size > 1_000) failedMs.clear()
          failedMs.set(instance.id, clock.monotonicMs())
        }
      }
      restUntilMs = clock.monotonicMs() + restMs
      throw new OriginAway(`no ${service} instance answers`, { cause })
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}
