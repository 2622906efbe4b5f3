import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError, readConfig, readSecrets, type SecretName, secretVariables, version } from '#config'
import { commonSettings, roles } from '#roles'

const publicUrl = (text: string) => readConfig({ OCTAVO_URL: text }).publicUrl
const refused = (work: () => unknown, words: RegExp) =>
  assert.throws(work, (error) => error instanceof ConfigError && words.test(error.message))

function secretAt(t: TestContext, text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-config-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'secret')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

test('the public address is one that a browser understands', () => {
  assert.equal(publicUrl(''), 'http://localhost:8080')
  assert.equal(publicUrl('https://shop.example.org/'), 'https://shop.example.org')
  for (const text of [
    'shop.example.org',
    'localhost:8080',
    'ftp://shop.example.org',
    'http://',
    'https://a b',
  ])
    refused(() => publicUrl(text), /^OCTAVO_URL is ".*"; it should be/)
})

test('where to listen may be every address of the machine', async () => {
  const { host } = readConfig({ OCTAVO_HOST: '*', OCTAVO_SERVICE_HOST: '*' }).gateway
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
  server.close()
  assert.equal(readConfig({}).service.host, '127.0.0.1')
})

test('a setting that is not one of its values is named, with what it may be', () => {
  refused(() => readConfig({ OCTAVO_LOG_LEVEL: 'loud' }), /OCTAVO_LOG_LEVEL is "loud".*info.*silent/)
  refused(() => readConfig({ OCTAVO_MIGRATE: 'yes' }), /OCTAVO_MIGRATE is "yes".*off, on/)
  refused(() => readConfig({ OCTAVO_ADVERTISE: 'a b' }), /OCTAVO_ADVERTISE is "a b".*host:port/)
})

test('a secret comes from its variable or from the file that it names, without the line end', (t) => {
  assert.deepEqual(readSecrets({ OCTAVO_SECRET: 'of the variable' }, ['secret']), {
    secret: 'of the variable',
  })
  const OCTAVO_SECRET_FILE = secretAt(t, 'of the file\n')
  assert.deepEqual(readSecrets({ OCTAVO_SECRET_FILE }, ['secret']), { secret: 'of the file' })
  const OCTAVO_BOOK_DB_FILE = secretAt(t, 'postgres://db/books')
  assert.equal(readSecrets({ OCTAVO_BOOK_DB_FILE }, ['bookDb']).bookDb, 'postgres://db/books')
  const OCTAVO_STAFF_PASSWORD_FILE = secretAt(t, ' with spaces \r\n')
  assert.equal(readSecrets({ OCTAVO_STAFF_PASSWORD_FILE }, ['staffPassword']).staffPassword, ' with spaces ')
})

test('each secret can come from a file', (t) => {
  for (const [name, variable] of Object.entries(secretVariables) as [SecretName, string][]) {
    const env = { [`${variable}_FILE`]: secretAt(t, `${name} of the file\n`) }
    assert.equal(readSecrets(env, [name])[name], `${name} of the file`)
  }
})

test('a secret that is missing, there twice, empty or not to be read is named', (t) => {
  refused(() => readSecrets({}, ['secret']), /OCTAVO_SECRET nor OCTAVO_SECRET_FILE is set/)
  const path = secretAt(t, '\n')
  refused(() => readSecrets({ OCTAVO_SECRET_FILE: path }, ['secret']), /cannot read .*: it is empty/)
  refused(
    () => readSecrets({ OCTAVO_SECRET_FILE: '/nowhere/x' }, ['secret']),
    /OCTAVO_SECRET_FILE: cannot read/,
  )
  refused(() => readSecrets({ OCTAVO_SECRET: 'a', OCTAVO_SECRET_FILE: path }, ['secret']), /both set/)
  assert.deepEqual(readSecrets({}, ['staffPassword']), { staffPassword: undefined }, 'nobody needs that one')
})

test('a secret that every user of the machine may read is said, a private one is not', (t) => {
  const said: string[] = []
  const read = (mode: number) => {
    const OCTAVO_SECRET_FILE = secretAt(t, 'x', mode)
    readSecrets({ OCTAVO_SECRET_FILE }, ['secret'], (text) => said.push(text))
  }
  for (const mode of [0o600, 0o640, 0o440]) read(mode)
  assert.deepEqual(said, [])
  read(0o644)
  assert.match(said.join(), /every user of this machine may read .*OCTAVO_SECRET_FILE/)
})

test('broker and payments are in OrderDb’s server when nothing else is said', () => {
  const env = { OCTAVO_ORDER_DB: 'postgres://db/orders' }
  assert.deepEqual(readSecrets(env, ['broker', 'payment']), {
    broker: 'postgres://db/orders',
    payment: 'test+postgres://db/orders',
  })
  refused(() => readSecrets({}, ['broker']), /OCTAVO_BROKER.*OCTAVO_ORDER_DB/)
})

test('settings hold no secret, and a role is given those it needs and no others', async () => {
  const env = Object.fromEntries(Object.values(secretVariables).map((name) => [name, 'file:///planted']))
  assert.ok(!JSON.stringify(readConfig(env)).includes('planted'))
  const names: SecretName[] = ['secret', 'bookDb']
  assert.deepEqual(Object.keys(readSecrets(env, names)), names)
})

test('the version is package.json’s alone', () => {
  const { version: packaged } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { version: string }
  assert.equal(version, packaged)
  assert.equal(readConfig({ OCTAVO_VERSION: '9.9.9' }).version, packaged)
})

test('every setting that is read is in the README’s table, and a role’s list names only such', () => {
  const read = new Set<string>()
  const recording = new Proxy<Record<string, string>>(
    {},
    {
      get(_target, name) {
        if (typeof name === 'string') read.add(name)
        return undefined
      },
    },
  )
  readConfig(recording)
  for (const variable of Object.values(secretVariables)) read.add(variable)
  const table = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  for (const name of read) assert.ok(table.includes(`\`${name}\``), `README.md tells of ${name}`)
  for (const { name, settings } of roles)
    for (const setting of [...settings, ...commonSettings])
      assert.ok(read.has(setting), `${name} lists ${setting}, which nobody reads`)
})
