import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import { secretVariables } from '#config'
import { BrokerUnavailable, openBroker } from '#ports/broker'
import { commonSettings, queues, roles } from '#roles'
import { askApi, rabbitMissing, sharedRabbit, stopSharedRabbit } from '../../test/support/rabbitmq.ts'
import { until } from '../../test/support/until.ts'
// @ts-expect-error: a plain script, so that it runs before anything is installed
import { rabbitDefinitions, rabbitUsers } from './definitions.mjs'

after(stopSharedRabbit)

type Service = {
  image?: string
  command?: string[]
  environment?: Record<string, string>
  secrets?: string[]
  depends_on?: Record<string, unknown>
}
type Compose = {
  services: Record<string, Service>
  secrets: Record<string, { file: string }>
  volumes: object
}
const compose = parse(readFileSync(new URL('compose.yaml', import.meta.url), 'utf8'), {
  merge: true,
}) as Compose

test('each role is given every setting and every secret that it reads, and no others', () => {
  for (const role of roles.filter(({ isOfFleet }) => !isOfFleet)) {
    const service = compose.services[role.name]
    assert.ok(service, role.name)
    assert.deepEqual(service.command, ['serve', role.name])
    const given = Object.keys(service.environment ?? {}).map((name) => name.replace(/_FILE$/, ''))
    const wanted = [...role.settings, ...commonSettings, ...role.secrets.map((name) => secretVariables[name])]
    assert.deepEqual(given.sort(), [...new Set(wanted)].sort(), role.name)
  }
})

test('images are pinned, and what a service refers to is there', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    const isOurs = /^\$\{OCTAVO_(WAREHOUSE_)?IMAGE:\?/.test(service.image ?? '')
    assert.ok(
      isOurs || /:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(service.image ?? ''),
      `${name}: ${service.image}`,
    )
    for (const secret of service.secrets ?? []) assert.ok(compose.secrets[secret], `${name} has no ${secret}`)
    for (const other of Object.keys(service.depends_on ?? {})) assert.ok(compose.services[other], other)
    for (const value of Object.values(service.environment ?? {})) {
      const file = /^\/run\/secrets\/(.+)$/.exec(String(value))?.[1]
      assert.ok(file === undefined || service.secrets?.includes(file), `${name} does not mount ${file}`)
    }
  }
})

const skip = rabbitMissing()

test('a user of RabbitMQ for each role does what that role does, and nothing of the others', {
  skip,
}, async () => {
  const { port, api } = await sharedRabbit()
  const passwords = Object.fromEntries(rabbitUsers.map((name: string) => [name, randomUUID()]))
  await askApi(api, 'POST', '/definitions', rabbitDefinitions(passwords))
  const open = (user: string) =>
    openBroker(`amqp://${user}:${passwords[user]}@127.0.0.1:${port}`, {
      applicationName: user,
      retryBaseMs: 4,
    })
  await using catalog = await open('catalog')
  await using orders = await open('orders')
  await using vouchers = await open('vouchers')
  await using gateway = await open('gateway')
  const got: unknown[] = []
  const take = async ({ payload, attempt }: { payload: unknown; attempt: number }) => {
    if (payload === 'twice' && attempt < 2) throw new Error('again')
    if (payload === 'never') throw new Error('never')
    got.push(payload)
  }
  assert.deepEqual([...queues].sort(), ['orders-missing', 'orders-vouchers', 'vouchers-draw'])
  await orders.subscribe('orders-vouchers', ['object.created'], take)
  await vouchers.subscribe('vouchers-draw', ['voucher.wanted'], take)
  await gateway.listen(['stock.changed'], take)
  await catalog.publish([{ topic: 'stock.changed', payload: 'news' }])
  await vouchers.publish([{ topic: 'object.created', payload: 'twice' }])
  await orders.publish([{ topic: 'voucher.wanted', payload: 'never' }])
  await until(() => got.length === 2)
  await until(async () => (await vouchers.deadLetters('vouchers-draw')).length === 1)
  const [letter] = await vouchers.deadLetters('vouchers-draw')
  assert.equal(await vouchers.clearDeadLetters('vouchers-draw', [letter?.id ?? ''], 'discard'), 1)
  const refused = async (asked: Promise<unknown>) => assert.rejects(asked, BrokerUnavailable)
  await refused(catalog.subscribe('orders-vouchers', ['object.created'], take))
  await refused(gateway.subscribe('vouchers-draw', ['voucher.wanted'], take))
  await refused(catalog.listen(['order.changed'], take))
  await refused(vouchers.deadLetters('orders-vouchers'))
})
