import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError, readConfig, secretVariables } from '#config'
import { publicRoutes, requiredRoles, roles, routedRoles, stopOrder } from '#roles'
import { laptop } from './local/topology.ts'

test('every service’s folder is a role, and every role has its folder', () => {
  const folders = readdirSync(new URL('./services/', import.meta.url))
  assert.deepEqual(roles.map(({ name }) => name).sort(), folders.sort())
})

test('what runs on a laptop, and the order of its stop, are made from the list', () => {
  assert.deepEqual(
    laptop.roles.map(({ role, processes }) => [role, processes]),
    roles.filter(({ isOfFleet }) => !isOfFleet).map(({ name, laptopProcesses }) => [name, laptopProcesses]),
  )
  assert.deepEqual(laptop.stopWaves.flat().sort(), roles.map(({ name }) => name).sort())
  assert.deepEqual(stopOrder[0], ['gateway'], 'who takes work in stops first')
  assert.deepEqual(stopOrder.at(-1), ['registry'], 'whom others say goodbye to stops last')
})

test('the gateway passes on every part of the public API that is not its own', () => {
  const own = roles.filter(({ isPublic }) => isPublic).flatMap(({ routes }) => routes)
  assert.equal(routedRoles.flatMap(({ routes }) => routes).length + own.length, publicRoutes.length)
  for (const name of requiredRoles)
    assert.ok(
      routedRoles.some((role) => role.name === name),
      name,
    )
})

test('a role that is started without one of its secrets says which', async () => {
  for (const role of roles) {
    const given = role.secrets
      .filter((name) => name !== 'secret')
      .map((name) => [secretVariables[name], '/x'])
    await assert.rejects(
      role.create(readConfig({}), { ...Object.fromEntries(given), OCTAVO_VOUCHER_KEY: import.meta.filename }),
      (error) => error instanceof ConfigError && /OCTAVO_SECRET nor/.test(error.message),
      role.name,
    )
  }
})

test('the list says whom each role asks, no more and no less: the network is closed by it', () => {
  for (const { name, calls, isPublic, isOfFleet } of roles) {
    const asked = new Set(isPublic && !isOfFleet ? routedRoles.map((role) => role.name) : [])
    for (const path of sources(join(import.meta.dirname, 'services', name)))
      for (const [, service = ''] of readFileSync(path, 'utf8').matchAll(
        /\b(?:call|instances)\(\s*'([a-z]+)'/g,
      ))
        asked.add(service)
    assert.deepEqual([...calls].sort(), [...asked].sort(), name)
  }
})

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(folder, file))
}

test('no role begins by loading what it may never need', () => {
  const loads = `
    const { registerHooks } = await import('node:module')
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    for (const name of ${JSON.stringify(readdirSync(new URL('./services/', import.meta.url)))})
      await import(\`./services/\${name}/service.ts\`)
    console.log(JSON.stringify(loaded))`
  const options = ['--input-type=module', '--eval', loads]
  const loaded = JSON.parse(
    execFileSync(process.execPath, options, { cwd: import.meta.dirname, encoding: 'utf8' }),
  ) as string[]
  const packages = new Set(loaded.map((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]))
  assert.ok(packages.has('fastify'), 'what is loaded is seen')
  const needless = [
    'typebox',
    'mariadb',
    'amqplib',
    '@redis/client',
    'hazelcast-client',
    'csv-parse',
    'saxes',
  ]
  assert.deepEqual(
    needless.filter((name) => packages.has(name)),
    [],
  )
})
