import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect } from 'amqplib'
import { parse } from 'yaml'
import { secretVariables } from '#config'
import { BrokerUnavailable, openBroker } from '#ports/broker'
import { openDatabase } from '#ports/database'
import { commonSettings, queues, roles } from '#roles'
import { freeInnerPort } from '../../src/local/free-port.ts'
import { openStore } from '../../src/services/catalog/store/open-store.ts'
import { layMariadb, mariadbMissing, startMariadb } from '../../test/support/mariadb-server.ts'
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
const read = (name: string) =>
  parse(readFileSync(new URL(name, import.meta.url), 'utf8'), { merge: true }) as Compose
const compose = read('compose.yaml')
const overlay = read('compose.mariadb.yaml')
/** As Docker Compose lays one file over the other. */
const withMariadb: Compose = {
  services: {
    ...compose.services,
    'book-db': {
      ...compose.services['book-db'],
      ...overlay.services['book-db'],
      environment: {
        ...compose.services['book-db']?.environment,
        ...overlay.services['book-db']?.environment,
      },
      secrets: [
        ...(compose.services['book-db']?.secrets ?? []),
        ...(overlay.services['book-db']?.secrets ?? []),
      ],
    },
  },
  secrets: { ...compose.secrets, ...overlay.secrets },
  volumes: { ...compose.volumes, ...overlay.volumes },
}

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

for (const [file, { services, secrets }] of Object.entries({ compose, withMariadb }))
  test(`${file}: images are pinned, and what a service refers to is there`, () => {
    for (const [name, service] of Object.entries(services)) {
      const isOurs = /^\$\{OCTAVO_(WAREHOUSE_)?IMAGE:\?/.test(service.image ?? '')
      assert.ok(
        isOurs || /:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(service.image ?? ''),
        `${name}: ${service.image}`,
      )
      for (const secret of service.secrets ?? []) assert.ok(secrets[secret], `${name} has no ${secret}`)
      for (const other of Object.keys(service.depends_on ?? {})) assert.ok(services[other], other)
      for (const value of Object.values(service.environment ?? {})) {
        const file = /^\/run\/secrets\/(.+)$/.exec(String(value))?.[1]
        assert.ok(file === undefined || service.secrets?.includes(file), `${name} does not mount ${file}`)
      }
    }
  })

test('a real MariaDB takes the options, the user and the address that it and the store are given', {
  skip: mariadbMissing(),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-compose-'))
  execFileSync(process.execPath, [join(import.meta.dirname, 'make-secrets.mjs'), join(folder, 'secrets')])
  const secretOf = (name: string) => {
    const file = overlay.secrets[name]?.file ?? ''
    return readFileSync(join(folder, file), 'utf8').trim()
  }
  const { command = [], environment = {} } = overlay.services['book-db'] ?? {}
  layMariadb(folder)
  const port = await freeInnerPort()
  const at = ['--skip-skip-networking', '--bind-address=127.0.0.1', `--port=${port}`]
  const server = await startMariadb(folder, [...at, ...command.slice(1)])
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  await using admin = await openDatabase(server.url('mysql'), { applicationName: 'test' })
  const { MARIADB_USER: user, MARIADB_DATABASE: database } = environment
  // As its image does at the first start.
  await admin.execute(`CREATE DATABASE ${database}`)
  await admin.execute(`CREATE USER '${user}'@'%' IDENTIFIED BY '${secretOf('mariadb-password')}'`)
  await admin.execute(`GRANT ALL ON ${database}.* TO '${user}'@'%'`)
  const url = secretOf('book-db').replace('@book-db/', `@127.0.0.1:${port}/`)
  await using store = await openStore(url, { applicationName: 'test' })
  await store.migrate()
  assert.equal(await store.isReady(), true)
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

test('the bucket’s user of RabbitMQ tells of new objects, and can pass nothing off as a role’s', {
  skip,
}, async () => {
  const { port, api } = await sharedRabbit()
  const passwords = Object.fromEntries(rabbitUsers.map((name: string) => [name, randomUUID()]))
  await askApi(api, 'POST', '/definitions', rabbitDefinitions(passwords))
  await using orders = await openBroker(`amqp://orders:${passwords.orders}@127.0.0.1:${port}`, {
    applicationName: 'orders',
  })
  const got: unknown[] = []
  await orders.subscribe(
    'orders-vouchers',
    ['object.created', 'bucket.notified'],
    async ({ topic, payload }) => {
      got.push([topic, payload])
    },
  )
  const connection = await connect(`amqp://bucket:${passwords.bucket}@127.0.0.1:${port}`)
  connection.on('error', () => {})
  const publish = async (exchange: string, key: string) => {
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    channel.publish(exchange, key, Buffer.from(JSON.stringify(key)), { contentType: 'application/json' })
    await channel.waitForConfirms()
    await channel.close()
  }
  await publish('octavo.bucket', 'object.created')
  await publish('octavo.bucket', 'bucket.notified')
  for (const exchange of ['octavo', '', 'octavo.dead'])
    await assert.rejects(publish(exchange, 'object.created'), `${exchange} is not for it`)
  await until(() => got.length > 0)
  assert.deepEqual(got, [['bucket.notified', 'bucket.notified']])
  await connection.close()
})
