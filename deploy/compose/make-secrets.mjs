// node deploy/compose/make-secrets.mjs: makes the files of secrets/ that compose.yaml mounts, each once.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rabbitDefinitions, rabbitUsers } from './definitions.mjs'

const folder = process.argv[2] ?? join(import.meta.dirname, 'secrets')
if (existsSync(folder)) {
  console.error(`${folder} is there already; what is in it stays`)
  process.exit(1)
}
mkdirSync(folder, { mode: 0o700 })

const password = () => randomBytes(24).toString('base64url')
const write = (name, text) => writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 })
const [postgres, access, secret] = [password(), 'octavo', password()]
const broker = Object.fromEntries(rabbitUsers.map((name) => [name, password()]))

write('postgres-password', postgres)
write('book-db', `postgres://postgres:${postgres}@book-db/octavo`)
// For compose.mariadb.yaml.
const mariadb = password()
write('mariadb-password', mariadb)
write('mariadb-root-password', password())
write('book-db-mariadb', `mariadb://octavo:${mariadb}@book-db/octavo`)
write('order-db', `postgres://postgres:${postgres}@order-db/octavo`)
write('payment', `test+postgres://postgres:${postgres}@order-db/octavo`)
for (const name of rabbitUsers) write(`broker-${name}`, `amqp://${name}:${broker[name]}@broker`)
write('rabbitmq-definitions.json', JSON.stringify(rabbitDefinitions(broker), null, 2))
write('cache', 'redis://cache:6379')
write('object-store', `s3://${access}:${secret}@object-store:7070/vouchers?tls=off&announce=bucket`)
const events = [
  `VGW_EVENT_RABBITMQ_URL=amqp://bucket:${broker.bucket}@broker/`,
  'VGW_EVENT_RABBITMQ_EXCHANGE=octavo',
]
write(
  'object-store.env',
  [
    `ROOT_ACCESS_KEY=${access}`,
    `ROOT_SECRET_KEY=${secret}`,
    ...events,
    'VGW_EVENT_RABBITMQ_ROUTING_KEY=bucket.notified',
  ].join('\n'),
)
write('secret', password())
write('metrics-token', password())
write('staff-password', password())
write(
  'voucher-key',
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).trim(),
)
console.log(`The secrets are in ${folder}; the first staff account's password is in staff-password.`)
