import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { request } from '#ports/connections'
import {
  someKey as key,
  postOrder as post,
  type StandInCluster,
  startCluster,
  startEdge,
  temporaryFolder,
} from '../../../test/support/edge.ts'
import { until } from '../../../test/support/until.ts'

const probeTimes = { everyMs: 100, limitMs: 300 }

/** A picture in a file of which each revision is a turn of the databases, with changes taken at their home alone. */
function homeFile(t: TestContext, named: Record<string, StandInCluster>) {
  const path = join(temporaryFolder(t), 'fleet.json')
  const write = (revision: number, home: string) => {
    const clusters = Object.entries(named).map(([name, { url }]) => ({
      ...{ name, url, weight: 100, takesWrites: name === home },
    }))
    writeFileSync(path, JSON.stringify({ revision, epoch: revision, clusters }))
  }
  return { path, write }
}

test('a cluster that has not heard of the latest turn takes no change: those go elsewhere, and it has not failed', async (t) => {
  const behind: RequestListener = (incoming, response) => {
    incoming.resume()
    const isWrite = incoming.method === 'POST'
    response.writeHead(isWrite ? 503 : 200, isWrite ? { 'x-octavo-epoch': '0' } : {})
    response.end('{"name":"a"}')
  }
  let epoch: number | undefined
  const a = await startCluster(
    t,
    behind,
    () => 'any',
    () => epoch,
  )
  const b = await startCluster(t, (incoming, response) => {
    incoming.resume()
    response.writeHead(incoming.method === 'POST' ? 201 : 200).end('{"name":"b"}')
  })
  const path = join(temporaryFolder(t), 'fleet.json')
  const clusters = Object.entries({ a, b }).map(([name, { url }]) => ({
    name,
    url,
    weight: 100,
    takesWrites: true,
  }))
  writeFileSync(path, JSON.stringify({ revision: 1, epoch: 1, clusters }))
  const { url, cluster, state, metrics } = await startEdge(t, `file://${path}`, { probeTimes })
  await until(async () => (await state()).revision === 1)
  for (let i = 0; i < 40; i++) {
    // Also without a key: it is known that nothing was done.
    const { statusCode, headers, body } = await post(url, i % 2 === 0 ? key : {})
    await body.dump()
    assert.equal(statusCode, 201)
    assert.equal(headers['x-octavo-epoch'], undefined)
  }
  const seen = await cluster('a')
  assert.ok(seen.behind > 0, 'some came to it')
  assert.deepEqual([seen.failed, seen.trips, seen.ordersFailed, seen.isCutOff], [0, 0, 0, false])
  assert.equal(seen.rerouted, seen.behind)
  assert.match(await metrics(), /octavo_edge_behind_total\{cluster="a"\} \d+/)
  const reads = new Set<string>()
  for (let i = 0; i < 40; i++)
    reads.add(((await (await request(`${url}/api/books`)).body.json()) as { name: string }).name)
  assert.deepEqual([...reads].sort(), ['a', 'b'], 'it is read from as before')
  epoch = 0
  await until(async () => (await cluster('a')).epoch === 0)
  const before = a.seen.length
  for (let i = 0; i < 40; i++) await (await post(url, key)).body.dump()
  assert.equal(a.seen.length, before, 'one that says so when it is probed is not asked at all')
})

test('what waits for a lost home goes to the next one as soon as that is known', async (t) => {
  const take: RequestListener = (incoming, response) => {
    incoming.resume()
    response.writeHead(201).end('{}')
  }
  const [a, b] = [await startCluster(t, take), await startCluster(t, take)]
  const { path, write } = homeFile(t, { a, b })
  write(1, 'a')
  const { url, cluster, state } = await startEdge(t, `file://${path}`, { probeTimes })
  await until(async () => (await state()).revision === 1)
  a.freeze()
  await until(async () => !(await cluster('a')).isUp)
  const sentMs = performance.now()
  const waiting = post(url, key)
  await until(async () => (await cluster('a')).inFlight === 1, 'nobody else takes it')
  write(2, 'b')
  const { statusCode, body } = await waiting
  await body.dump()
  assert.equal(statusCode, 201)
  assert.equal(b.seen.length, 1)
  assert.ok(performance.now() - sentMs < 20_000, 'long before an edge gives up waiting for an answer')
})

test('an edge says that it follows a picture once a start would begin with it, or with none, and not with one before', async (t) => {
  const a = await startCluster(t, (_, response) => response.end('{}'))
  const [data, folder] = [temporaryFolder(t), temporaryFolder(t)]
  const path = join(folder, 'fleet.json')
  const write = (revision: number) => {
    const clusters = [{ name: 'a', url: a.url, weight: revision, takesWrites: true }]
    writeFileSync(path, JSON.stringify({ revision, epoch: 1, clusters }))
  }
  write(1)
  const { state, cluster } = await startEdge(t, `file://${path}`, {}, { OCTAVO_DATA: data })
  await until(async () => (await state()).revision === 1)
  const kept = join(data, 'edge', 'picture.json')
  assert.equal(JSON.parse(readFileSync(kept, 'utf8')).revision, 1)
  mkdirSync(`${kept}.new`)
  write(2)
  await until(async () => (await state()).revision === 2)
  assert.throws(() => readFileSync(kept), /ENOENT/)
  mkdirSync(join(kept, 'cannot be removed'), { recursive: true })
  write(3)
  await until(async () => (await cluster('a')).weight === 3)
  assert.equal((await state()).revision, 2)
  rmSync(kept, { recursive: true })
  write(4)
  await until(async () => (await state()).revision === 4)
})

// More than the edge has connections to one cluster: the rest waits for one.
for (const { what, orders, isFrozen } of [
  { what: 'is not answered by one that is well', orders: 3, isFrozen: false },
  { what: 'is not sent to one that was frozen', orders: 8, isFrozen: true },
])
  test(`a change on its way to a home that was given up ${what}`, async (t) => {
    const held: ServerResponse[] = []
    let isHeld = true
    const a = await startCluster(t, (incoming, response) => {
      incoming.resume()
      if (isHeld) held.push(response)
      else response.writeHead(201).end('{"by":"a"}')
    })
    const b = await startCluster(t, (incoming, response) => {
      incoming.resume()
      response.writeHead(201).end('{"by":"b"}')
    })
    const { path, write } = homeFile(t, { a, b })
    write(1, 'a')
    const { url, cluster, state } = await startEdge(t, `file://${path}`, { probeTimes, connectionsMax: 4 })
    await until(async () => (await state()).revision === 1)
    if (isFrozen) {
      a.freeze()
      await until(async () => !(await cluster('a')).isUp)
    }
    const sent = Array.from({ length: orders }, async () => {
      const { statusCode, body } = await post(url, key)
      return { statusCode, answer: await body.text() }
    })
    await until(async () => (await cluster('a')).inFlight === orders, 'all are on their way', 20_000)
    write(2, 'b')
    await until(async () => (await state()).revision === 2)
    isHeld = false
    if (isFrozen) a.thaw()
    for (const each of held) if (!each.destroyed) each.writeHead(201).end('{"by":"a"}')
    const told = (await Promise.all(sent)).filter(({ statusCode }) => statusCode === 201)
    assert.equal(told.length, orders)
    if (!isFrozen) assert.equal((await cluster('a')).failed, 0)
    assert.deepEqual(new Set(told.map(({ answer }) => answer)), new Set(['{"by":"b"}']))
  })
