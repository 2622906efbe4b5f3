import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { until } from '../../test/support/until.ts'
import { hungBecause, type LivenessLimits, watchLiveness, watchStart } from './liveness.ts'

const limits: LivenessLimits = { probeEveryMs: 100, probeTimeoutMs: 200, idleMs: 1_000, busyMs: 4_000 }

/** Answers; `/busy?ms` keeps its event loop at work for so long. */
const program = `
  const server = require('node:http').createServer((request, response) => {
    const ms = Number(/busy.(\\d+)/.exec(request.url)?.[1] ?? 0)
    response.end('ok')
    if (ms > 0) setTimeout(() => { for (const end = Date.now() + ms; Date.now() < end;); }, 20)
  })
  server.listen(0, '127.0.0.1', () => process.send(server.address().port))`

/** The same by https, with a certificate for another name. */
const kept = (name: string) =>
  JSON.stringify(fileURLToPath(new URL(`../../test/support/certificates/${name}`, import.meta.url)))
const overTls = program
  .replace("require('node:http').createServer(", "require('node:https').createServer(pair, ")
  .replace(
    'const server',
    `const read = require('node:fs').readFileSync
  const pair = { cert: read(${kept('first.pem')}), key: read(${kept('first.key.pem')}) }
  const server`,
  )

async function start(
  t: TestContext,
  code = program,
): Promise<{ child: ChildProcess; url: string; pid: number }> {
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  const port = await new Promise((resolve) => child.once('message', resolve))
  return { child, url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0 }
}

function watch(t: TestContext, { url, pid }: { url: string; pid: number }) {
  const reasons: string[] = []
  const watching = watchLiveness({ url, pid, limits }, (reason) => reasons.push(reason))
  t.after(() => watching[Symbol.dispose]())
  return reasons
}

test('a process that answers is left alone', async (t) => {
  const reasons = watch(t, await start(t))
  await sleep(2_500)
  assert.deepEqual(reasons, [])
})

test('a process that answers by https is left alone too, and noticed when it is frozen', async (t) => {
  const started = await start(t, overTls)
  const reasons = watch(t, { ...started, url: started.url.replace('http:', 'https:') })
  await sleep(2_500)
  assert.deepEqual(reasons, [])
  started.child.kill('SIGSTOP')
  await until(() => reasons.length > 0)
})

test('a frozen process is noticed, once', async (t) => {
  const started = await start(t)
  const reasons = watch(t, started)
  await sleep(300)
  started.child.kill('SIGSTOP')
  await until(() => reasons.length > 0)
  await sleep(500)
  assert.equal(reasons.length, 1)
  assert.match(reasons[0] ?? '', /has not answered for [\d.]+ s and does nothing/)
})

test('a process that works is not taken for a frozen one, but for a hung one when it takes too long', async (t) => {
  const started = await start(t)
  const reasons = watch(t, started)
  await (await fetch(`${started.url}/busy?2000`)).text()
  await sleep(2_300)
  assert.deepEqual(reasons, [], 'twice as long as a frozen one is given')
  await (await fetch(`${started.url}/busy?20000`)).text()
  await until(() => reasons.length > 0)
  assert.match(reasons[0] ?? '', /too busy to answer/)
})

test('a process that starts may take its time while it says so, and is noticed when it is frozen', async (t) => {
  const starts = `setInterval(() => process.send({ kind: 'starts' }), 100)`
  const child = spawn(process.execPath, ['-e', starts], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  const reasons: string[] = []
  const watching = watchStart({ child, pid: child.pid ?? 0, limits }, (reason) => reasons.push(reason))
  t.after(() => watching[Symbol.dispose]())
  await sleep(2_500)
  assert.deepEqual(reasons, [])
  child.kill('SIGSTOP')
  await until(() => reasons.length > 0)
  assert.match(reasons[0] ?? '', /does nothing/)
})

test('signs are weighed: silence alone, silence at work, and answers', () => {
  assert.equal(hungBecause({ answeredMs: 0, activeMs: 0 }, 900, limits), undefined)
  assert.match(hungBecause({ answeredMs: 0, activeMs: 0 }, 1_100, limits) ?? '', /does nothing/)
  assert.equal(hungBecause({ answeredMs: 0, activeMs: 1_000 }, 1_100, limits), undefined)
  assert.equal(hungBecause({ answeredMs: 3_900, activeMs: 0 }, 4_100, limits), undefined)
  assert.match(hungBecause({ answeredMs: 0, activeMs: 4_000 }, 4_100, limits) ?? '', /too busy/)
})
