import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { until } from '../../test/support/until.ts'
import { freeInnerPort } from './free-port.ts'
import { MonitoringError, monitoringMissing, startMonitoring } from './monitoring.ts'
import { childrenOf } from './process-identity.ts'

const missing = monitoringMissing()
if (missing.length > 0) assert.notEqual(process.env.CI, 'true', `apt-get install ${missing.join(' ')}`)
const skip = missing.length > 0 ? `not on this machine: apt-get install ${missing.join(' ')}` : false

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-monitoring-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const freePorts = async () => ({ prometheus: await freeInnerPort(), alertmanager: await freeInnerPort() })

/** A registry that knows nobody. @returns where it is, and how often it was asked */
async function registry(t: TestContext): Promise<{ at: string; asked: () => number }> {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.writeHead(200, { 'content-type': 'application/json' }).end('[]')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { at: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}

const options = { metricsToken: 'token', everySeconds: 1 }

test('another program at a port is not taken for Prometheus, and nothing is left running', async (t) => {
  const before = childrenOf(process.pid)
  const other = createTcpServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.after(() => other.close())
  const ports = { ...(await freePorts()), alertmanager: (other.address() as AddressInfo).port }
  await assert.rejects(
    startMonitoring({ ...options, registry: '127.0.0.1:9', folder: scratch(t), ports }),
    (error: Error) =>
      error instanceof MonitoringError && error.message.includes(`port ${ports.alertmanager}`),
  )
  assert.deepEqual(childrenOf(process.pid), before)
})

test('a store that starts again is followed', { skip }, async (t) => {
  const [first, next] = [await registry(t), await registry(t)]
  const given = { ...options, registry: first.at, folder: scratch(t), ports: await freePorts() }
  await using monitoring = await startMonitoring(given)
  await until(() => first.asked() > 0, 'the registry is asked')
  monitoring.follow(next.at)
  await until(() => next.asked() > 0, 'the other registry is asked')
})

test('it tells when one of both ends, and a start that is stopped leaves nothing', { skip }, async (t) => {
  const before = childrenOf(process.pid)
  const { at } = await registry(t)
  const given = { ...options, registry: at, folder: scratch(t), ports: await freePorts() }
  const one = await startMonitoring(given)
  const [child] = childrenOf(process.pid).filter((pid) => !before.includes(pid))
  process.kill(child ?? 0, 'SIGKILL')
  assert.match((await one.ended).message, /^(prometheus|alertmanager) has ended/)
  await one[Symbol.asyncDispose]()
  assert.deepEqual(childrenOf(process.pid), before)
  await assert.rejects(startMonitoring({ ...given, stop: AbortSignal.timeout(20) }), /stopped before/)
  assert.deepEqual(childrenOf(process.pid), before)
})

test('what a killed one leaves is ended by the next, and what another one runs is left alone', {
  skip,
}, async (t) => {
  const { at } = await registry(t)
  const given = { ...options, registry: at, folder: scratch(t), ports: await freePorts() }
  const module = JSON.stringify(new URL('monitoring.ts', import.meta.url).href)
  const program = `import { startMonitoring } from ${module}
    await startMonitoring(${JSON.stringify(given)})
    console.log('up')
    setInterval(() => undefined, 1_000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(other.stdout, 'data')
  await assert.rejects(
    startMonitoring({ ...given, ports: await freePorts() }),
    (error: Error) =>
      error instanceof MonitoringError && error.message.startsWith(`process ${other.pid} keeps`),
  )
  other.kill('SIGKILL')
  await once(other, 'exit')
  await using _next = await startMonitoring(given)
})
