import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { defineRoute, internal } from '#kernel/contract'
import { Unavailable } from '#kernel/unavailable'
import { openDiscovery } from '#ports/discovery'
import { callHeader, callSigner, createHttpServer, serviceClient } from '#ports/http'

/** Errors that do not say "come back later": the one who called was refused, and by whom that is caught. */
const refusals: Readonly<Record<string, string>> = {
  ConstraintViolation: 'tells a service what its own constraints know',
  MigrationFailed: 'ends the start of a role',
  InvalidKey: 'a key that no store takes',
  MessageUnusable: 'what a handler says of a message that no attempt can mend',
  MessageTooLarge: 'a message that no broker takes, however often it is sent',
  LostFence: 'another one leads by now, and what was tried changed nothing',
  KubernetesError: 'what an API server answered, to adapters alone',
}
type ErrorClass = new (...args: never[]) => Error

const ports = readdirSync(new URL('./ports/', import.meta.url))
const secret = 'a secret for tests'
const route = defineRoute({
  method: 'GET',
  path: '/internal/try',
  tag: 'Internal',
  access: internal,
  summary: 'Fails',
})

test('whatever a port says when it is away, a route answers 503 and when to come back', async (t) => {
  const classes = (await Promise.all(ports.map(errorClassesOf))).flat()
  assert.ok(classes.length > Object.keys(refusals).length)
  for (const errorClass of classes.filter(({ name }) => !Object.hasOwn(refusals, name))) {
    assert.ok(errorClass.prototype instanceof Unavailable, `${errorClass.name} is Unavailable, or a refusal`)
    const answer = await answerTo(t, () => {
      throw Reflect.construct(errorClass, ['away'])
    })
    assert.deepEqual([errorClass.name, answer.status], [errorClass.name, 503])
    assert.ok(Number(answer.headers.get('retry-after')) > 0, errorClass.name)
  }
  const names = classes.map(({ name }) => name)
  assert.deepEqual(
    Object.keys(refusals).filter((name) => !names.includes(name)),
    [],
    'refusals are errors that there are',
  )
})

test('a service of which no instance is known is away', async (t) => {
  const discovery = await openDiscovery('static:', { secret })
  await using client = serviceClient({ discovery, secret })
  const answer = await answerTo(t, () => client.call('catalog', route, { deadlineMs: 1_000 }))
  assert.equal(answer.status, 503)
  assert.ok(Number(answer.headers.get('retry-after')) > 0)
})

test('an error that is no port’s is a fault of ours', async (t) => {
  t.mock.method(console, 'error', () => undefined)
  const answer = await answerTo(t, () => {
    throw new Error('a bug')
  })
  assert.equal(answer.status, 500)
})

async function errorClassesOf(port: string): Promise<ErrorClass[]> {
  const door: Record<string, unknown> = await import(`./ports/${port}/port.ts`)
  return Object.values(door).filter(
    (value): value is ErrorClass => typeof value === 'function' && value.prototype instanceof Error,
  )
}

async function answerTo(t: { after(work: () => unknown): void }, handler: () => unknown): Promise<Response> {
  const server = createHttpServer({ name: 'test', secret })
  server.add(route, async () => (await handler()) as never)
  t.after(() => server[Symbol.asyncDispose]())
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  return await fetch(url + route.path, {
    headers: { [callHeader]: callSigner(secret).call(route.method, route.path, null) },
  })
}
