import { defineRoute, internal } from '#kernel/contract'
import { decodeFrame, encodeFrame } from '#kernel/frame'
import { packBytes, packTexts, unpackBytes } from '#kernel/packed-list'
import { Type } from '#kernel/type'

/** One of many requests of a direct route that travel as one: most of what a small request costs is its journey. */
export type BundledRequest = { id: string; headers: Readonly<Record<string, string>>; body: Buffer }

export type BundledAnswer = { status: number; headers: Readonly<Record<string, string>>; body: Buffer }

/** Answers all requests of a bundle together. A server without bundled routes does not have it. */
export const bundleRoute = defineRoute({
  method: 'POST',
  path: '/internal/bundles',
  tag: 'Internal',
  access: internal,
  bytes: true,
  body: Type.Unsafe<Uint8Array>({}),
  reply: Type.Unsafe<Uint8Array>({}),
  summary: 'Requests of one route, and their answers',
})

type RequestsHead = { path: string; requests: Pick<BundledRequest, 'id' | 'headers'>[] }
type AnswersHead = Pick<BundledAnswer, 'status' | 'headers'>[]

/** @param path the route they are all for */
export function encodeBundle(path: string, bundled: readonly BundledRequest[]): Buffer {
  const head: RequestsHead = { path, requests: bundled.map(({ id, headers }) => ({ id, headers })) }
  return encodeFrame(head, [packBytes(bundled.map(({ body }) => body))])
}

/** @throws Error when the bytes are not what `encodeBundle` makes */
export function decodeBundle(bytes: Uint8Array): { path: string; requests: BundledRequest[] } {
  const { head, lists } = decodeFrame(bytes)
  const { path, requests } = head as RequestsHead
  return { path, requests: joined(requests, lists) }
}

/** The answers, in the order of their requests. */
export function encodeAnswers(answers: readonly (Omit<BundledAnswer, 'body'> & { body: string })[]): Buffer {
  const head: AnswersHead = answers.map(({ status, headers }) => ({ status, headers }))
  return encodeFrame(head, [packTexts(answers.map(({ body }) => body))])
}

/** @throws Error when the bytes are not what `encodeAnswers` makes */
export function decodeAnswers(bytes: Uint8Array): BundledAnswer[] {
  const { head, lists } = decodeFrame(bytes)
  return joined(head as AnswersHead, lists)
}

function joined<Head>(
  heads: readonly Head[],
  [list]: ReturnType<typeof decodeFrame>['lists'],
): (Head & { body: Buffer })[] {
  const bodies = list === undefined ? [] : unpackBytes(list)
  return heads.map((head, i) => {
    const body = bodies[i]
    if (body === undefined) throw new Error('a bundle has a body for each head')
    return { ...head, body }
  })
}
