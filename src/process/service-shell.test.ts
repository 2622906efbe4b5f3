import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '#config'
import { systemClock } from '#ports/clock'
import { openDiscovery } from '#ports/discovery'
import { advertisedUrl, createService, type Door, settingsAt } from './service-shell.ts'

const config = readConfig({ OCTAVO_ADVERTISE: 'books.internal' })

/** A role whose life is written down. */
function role(life: string[], failsAt = '') {
  const step = (name: string) => {
    life.push(name)
    if (name === failsAt) throw new Error(name)
  }
  const closing = (name: string) => ({ [Symbol.asyncDispose]: async () => void life.push(`close ${name}`) })
  const door: Door = {
    listen: async () => {
      step('listen')
      return 'http://127.0.0.1:4001'
    },
    [Symbol.asyncDispose]: async () => void life.push('drain'),
  }
  return createService({ name: 'catalog', config, clock: systemClock }, async (opened) => {
    opened.use(closing('database'))
    const discovery = await openDiscovery('static:', { secret: 's' })
    step('open')
    return {
      discovery: {
        ...discovery,
        register: async (instance) => {
          step(`register ${instance.url}`)
          return closing('registration')
        },
      },
      serve: async (resources) => {
        resources.use(closing('background'))
        step('serve')
        return door
      },
    }
  })
}

test('a role is opened, served and registered, and ends the other way round', async () => {
  const life: string[] = []
  const service = await role(life)
  assert.deepEqual(life, ['open'])
  await service.start()
  assert.equal(service.url, 'http://127.0.0.1:4001')
  const begun = ['open', 'serve', 'listen', 'register http://books.internal:4001']
  assert.deepEqual(life, begun)
  await service[Symbol.asyncDispose]()
  const ended = ['close registration', 'drain', 'close background', 'close database']
  assert.deepEqual(life, [...begun, ...ended])
})

test('what is open when a role fails to open is closed', async () => {
  const life: string[] = []
  await assert.rejects(role(life, 'open'))
  assert.deepEqual(life, ['open', 'close database'])
})

test('a role that cannot listen registers nowhere, and closes what it has', async () => {
  const life: string[] = []
  const service = await role(life, 'listen')
  await assert.rejects(service.start())
  await service[Symbol.asyncDispose]()
  assert.deepEqual(life, ['open', 'serve', 'listen', 'drain', 'close background', 'close database'])
})

test('what others are told is a host with the port listened on, host:port or a URL', () => {
  const at = 'http://0.0.0.0:4001'
  assert.equal(advertisedUrl(undefined, at), at)
  assert.equal(advertisedUrl('10.1.2.3', at), 'http://10.1.2.3:4001')
  assert.equal(advertisedUrl('10.1.2.3:9000', at), 'http://10.1.2.3:9000')
  assert.equal(advertisedUrl('[fd00::1]', at), 'http://[fd00::1]:4001')
  assert.equal(advertisedUrl('[fd00::1]:9000', at), 'http://[fd00::1]:9000')
  assert.equal(advertisedUrl('https://a.example/', at), 'https://a.example')
})

test('several roles in one process take, and announce, one port after the other', () => {
  const places = (env: Record<string, string>) =>
    [0, 1, 2, undefined].map((index) => {
      const { port, advertise } = settingsAt(readConfig(env), index).service
      return [port, advertise]
    })
  assert.deepEqual(places({}), Array(4).fill([0, undefined]))
  assert.deepEqual(places({ OCTAVO_SERVICE_PORT: '9000', OCTAVO_ADVERTISE: 'h' }), [
    [9000, 'h'],
    [9001, 'h'],
    [9002, 'h'],
    [9000, 'h'],
  ])
  assert.deepEqual(
    places({ OCTAVO_ADVERTISE: 'h:7000' }).map(([, advertise]) => advertise),
    ['h:7000', 'h:7001', 'h:7002', 'h'],
  )
  assert.deepEqual(
    places({ OCTAVO_ADVERTISE: 'http://h:7000/' }).map(([, advertise]) => advertise),
    ['http://h:7000/', 'http://h:7001/', 'http://h:7002/', 'h'],
  )
})
