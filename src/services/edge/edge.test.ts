import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FleetPicture } from '#kernel/fleet-picture'
import { systemClock } from '#ports/clock'
import { request } from '#ports/connections'
import type { FleetView } from '#services/edge'
import {
  someKey as key,
  postOrder as post,
  type StandInCluster,
  startCluster,
  startEdge,
  temporaryFolder,
} from '../../../test/support/edge.ts'
import { rawExchange } from '../../../test/support/gateway.ts'
import { until } from '../../../test/support/until.ts'
import { openClusters } from './clusters.ts'

const probeTimes = { everyMs: 100, limitMs: 300 }
const named =
  (name: string): RequestListener =>
  (incoming, response) => {
    incoming.resume()
    response.writeHead(incoming.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ name, headers: incoming.headers }))
  }

async function two(t: TestContext, answers: RequestListener[] = [named('a'), named('b')]) {
  const [a, b] = await Promise.all(answers.map((answer) => startCluster(t, answer)))
  if (a === undefined || b === undefined) throw new Error('two answers are needed')
  return { a, b, fleet: `static:a=${a.url};b=${b.url}` }
}

/** A picture in a file, replaced as a whole. */
function pictureFile(t: TestContext) {
  const path = join(temporaryFolder(t), 'fleet.json')
  const write = (picture: unknown) => {
    writeFileSync(`${path}.new`, JSON.stringify(picture))
    renameSync(`${path}.new`, path)
  }
  return { url: `file://${path}`, write }
}
const picture = (revision: number, epoch: number, weights: [StandInCluster, number][]): FleetPicture => ({
  ...{ revision, epoch },
  clusters: weights.map(([{ url }, weight], i) => ({
    ...{ name: 'abc'.charAt(i), url, weight, takesWrites: true },
  })),
})

test('requests go to all clusters, with who asks and the epoch, and without what a stranger may not say', async (t) => {
  const { fleet } = await two(t)
  const { url, readiness, metrics } = await startEdge(t, fleet, { probeTimes })
  const names = new Set<string>()
  for (let i = 0; i < 40; i++) {
    const { body } = await request(`${url}/api/books`, {
      headers: { 'x-forwarded-for': '203.0.113.9', 'x-octavo-epoch': '99', 'x-octavo-call': 'guessed' },
    })
    const { name, headers } = (await body.json()) as { name: string; headers: Record<string, string> }
    names.add(name)
    assert.equal(headers['x-forwarded-for'], '127.0.0.1')
    assert.equal(headers['x-octavo-epoch'], '0')
    assert.equal(headers['x-octavo-call'], undefined)
  }
  assert.deepEqual([...names].sort(), ['a', 'b'])
  assert.equal(await readiness(), 200)
  assert.match(await metrics(), /octavo_edge_requests_total\{cluster="a"\} \d+/)
})

test('a cluster that is killed costs no reader an answer where asking again is safe', async (t) => {
  const { a, b, fleet } = await two(t)
  const { url, cluster } = await startEdge(t, fleet, { probeTimes })
  await a.kill()
  for (let i = 0; i < 50; i++) {
    const { statusCode, body } = i % 2 === 0 ? await request(url) : await post(url, key)
    await body.dump()
    assert.ok(statusCode < 300)
  }
  await until(async () => !(await cluster('a')).isUp)
  const { rerouted, trips } = await cluster('a')
  assert.ok(rerouted > 0 && rerouted < 50, `${rerouted} went elsewhere because of it`)
  assert.ok(trips > 0 || rerouted < 3, 're-routes trip it')
  assert.equal(b.seen.length, 50)
})

test('a cluster that freezes: what waits for it is answered by another, and soon nothing is sent to it', async (t) => {
  const { a, b, fleet } = await two(t)
  const { url, cluster } = await startEdge(t, fleet, { probeTimes })
  a.freeze()
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(url, key)))
  for (const { statusCode, body } of answers) {
    await body.dump()
    assert.equal(statusCode, 201)
  }
  await until(async () => !(await cluster('a')).isUp)
  const before = b.seen.length
  for (let i = 0; i < 20; i++) await (await request(url)).body.dump()
  assert.equal(b.seen.length, before + 20)
  a.thaw()
  await until(async () => (await cluster('a')).isUp)
})

test('what waits for the last cluster is answered when that is only slow, and by another once there is one', async (t) => {
  const { a, b, fleet } = await two(t)
  const { url, cluster } = await startEdge(t, fleet, { probeTimes })
  const isUp = (name: string, wanted: boolean) => until(async () => (await cluster(name)).isUp === wanted)
  a.freeze()
  await isUp('a', false)
  for (const back of [b, a]) {
    await isUp('b', true)
    b.freeze()
    const waiting = Promise.all(Array.from({ length: 10 }, () => post(url, key)))
    await isUp('b', false)
    back.thaw()
    assert.deepEqual(new Set((await waiting).map(({ statusCode }) => statusCode)), new Set([201]))
  }
})

test('an order without a key is not sent a second time once it may have been carried out', async (t) => {
  const cut: RequestListener = (incoming) => void incoming.socket.destroy()
  const { a, b, fleet } = await two(t, [cut, cut])
  const { url } = await startEdge(t, fleet, { probeTimes })
  const { statusCode, body } = await post(url)
  assert.equal(statusCode, 503)
  assert.match(((await body.json()) as { type: string }).type, /cluster-lost$/)
  assert.equal(a.seen.length + b.seen.length, 1)
  const keyed = await post(url, key)
  await keyed.body.dump()
  assert.equal(a.seen.length + b.seen.length, 3, 'one with a key is, once')
})

test('a cluster that says "not now" is passed over, and what it says reaches nobody who could be answered', async (t) => {
  const away: RequestListener = (incoming, response) => {
    incoming.resume()
    response.writeHead(503).end('{"from":"a"}')
  }
  const { fleet } = await two(t, [away, named('b')])
  const { url, cluster } = await startEdge(t, fleet, { probeTimes })
  for (let i = 0; i < 30; i++) {
    const { statusCode, body } = await post(url, key)
    assert.equal(statusCode, 201)
    assert.equal(((await body.json()) as { name: string }).name, 'b')
  }
  assert.ok((await cluster('a')).trips > 0)
})

test('a drained cluster gets nothing new, finishes what it has, and hands its streams over', async (t) => {
  let finish = () => {}
  const slow: RequestListener = (incoming, response) => {
    if (incoming.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    } else if (incoming.url === '/slow') finish = () => response.end('done')
    else response.end('a')
  }
  const [a, b] = [await startCluster(t, slow), await startCluster(t, named('b'))]
  const file = pictureFile(t)
  file.write(picture(1, 1, [[a, 100]]))
  const { url, cluster, state } = await startEdge(t, file.url, { probeTimes })
  await until(async () => (await state()).revision === 1)
  const stream = await request(`${url}/events`)
  const waiting = request(`${url}/slow`)
  await until(() => a.seen.length === 2)
  file.write(
    picture(2, 1, [
      [a, 0],
      [b, 100],
    ]),
  )
  await until(async () => (await state()).revision === 2)
  assert.equal(await stream.body.text(), 'data: 1\n\n', 'the stream ended well')
  for (let i = 0; i < 20; i++) await (await request(url)).body.dump()
  assert.equal(a.seen.length, 2)
  assert.equal((await cluster('a')).inFlight, 1)
  finish()
  assert.equal(await (await waiting).body.text(), 'done')
  await until(async () => (await cluster('a')).inFlight === 0)
})

test('a reader keeps to one cluster by the cookie that comes with a page', async (t) => {
  const page: RequestListener = (incoming, response) => {
    response.writeHead(200, { 'content-type': incoming.url === '/' ? 'text/html' : 'text/plain' })
    response.end(incoming.headers.host)
  }
  const { a, b, fleet } = await two(t, [page, page])
  const { url } = await startEdge(t, fleet, { probeTimes })
  const first = await request(url)
  await first.body.dump()
  const cookie = String(first.headers['set-cookie']).split(';')[0] ?? ''
  assert.match(cookie, /^octavo-edge=[0-9a-f]{16}$/)
  const before = [a.seen.length, b.seen.length]
  for (let i = 0; i < 20; i++) {
    const again = await request(`${url}/asset`, { headers: { cookie } })
    await again.body.dump()
    assert.equal(again.headers['set-cookie'], undefined)
  }
  const got = [a.seen.length, b.seen.length].map((n, i) => n - (before[i] ?? 0))
  assert.deepEqual(
    got.sort((x, y) => x - y),
    [0, 20],
  )
})

test('a hub that is away changes nothing: the last picture is followed, also by an edge that starts meanwhile', async (t) => {
  const a = await startCluster(t, named('a'))
  const file = pictureFile(t)
  const env = { OCTAVO_DATA: temporaryFolder(t) }
  file.write(picture(7, 3, [[a, 100]]))
  const first = await startEdge(t, file.url, { probeTimes }, env)
  await until(async () => (await first.state()).revision === 7)
  file.write('nonsense')
  await until(async () => (await (await request(first.url)).body.text()).includes('"a"'))
  await first.stop()
  const second = await startEdge(t, 'file:///nowhere/fleet.json', { probeTimes }, env)
  assert.equal((await second.state()).epoch, 3)
  assert.equal((await request(second.url)).statusCode, 200)
})

test('a picture of an earlier epoch is not followed: whoever wrote it has slept through a move of the primary', async (t) => {
  const [a, b] = [await startCluster(t, named('a')), await startCluster(t, named('b'))]
  await using clusters = openClusters(systemClock)
  assert.ok(clusters.follow(picture(5, 2, [[a, 100]])))
  assert.ok(!clusters.follow(picture(6, 1, [[b, 100]])))
  assert.deepEqual(
    clusters.all().map(({ pictured }) => pictured.url),
    [a.url],
  )
  assert.ok(clusters.follow(picture(7, 3, [[b, 100]])))
  assert.equal(clusters.picture.epoch, 3)
})

test('with no cluster at all a reader is told when to come back', async (t) => {
  const { url, readiness } = await startEdge(t, 'file:///nowhere/fleet.json', { probeTimes })
  const { statusCode, headers } = await request(url)
  assert.equal(statusCode, 503)
  assert.equal(headers['retry-after'], '1')
  assert.equal(await readiness(), 503)
})

test('a fleet that cannot be read is refused at the start', async (t) => {
  await assert.rejects(startEdge(t, 'static:A=http://x'), /no name of a cluster/)
  await assert.rejects(startEdge(t, 'static:a=ftp://x'), /should be http/)
  await assert.rejects(startEdge(t, 'static:a=http://x;a=http://y'), /one name/)
  await assert.rejects(startEdge(t, 'http://hub'), /OCTAVO_FLEET/)
})

test('the edge shows the fleet to operators whom a cluster knows, and to nobody else', async (t) => {
  const people: Record<string, string[]> = { 'session=op': ['operator'], 'session=till': ['bookseller'] }
  const answer: RequestListener = (incoming, response) => {
    const roles = people[incoming.headers.cookie ?? '']
    response.writeHead(roles ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ email: 'x', roles }))
  }
  const a = await startCluster(t, answer)
  const edge = await startEdge(t, `static:a=${a.url}`, { probeTimes })
  const ask = async (cookie: string, path = '/api/fleet') => {
    const { statusCode, body } = await request(edge.url + path, { headers: { cookie } })
    return { statusCode, text: await body.text() }
  }
  assert.equal((await ask('')).statusCode, 401)
  assert.equal((await ask('session=till')).statusCode, 403)
  const { statusCode, text } = await ask('session=op', '/api/fleet?now')
  assert.equal(statusCode, 200)
  const fleet = JSON.parse(text) as FleetView
  assert.deepEqual(
    fleet.clusters.map(({ name, phase, weight, seen }) => [name, phase, weight, seen?.isUp]),
    [['a', 'serving', 100, true]],
  )
  assert.equal(fleet.wanted, null)
})

const ask = 'GET /api/books HTTP/1.1\r\nhost: shop\r\n'
const answersIn = (text: string) => text.split('HTTP/1.1 200').length - 1

test('one reader gets so many connections and no more', async (t) => {
  const { fleet } = await two(t)
  const connectionLimits = { max: 100, ofOneMax: 2, ofOneMin: 1 }
  const { url } = await startEdge(t, fleet, { probeTimes, connectionLimits })
  const texts = await Promise.all(Array.from({ length: 5 }, () => rawExchange(url, `${ask}\r\n`, 1_000)))
  assert.equal(texts.filter((text) => answersIn(text) === 1).length, 2)
})

test('what a reader sends ahead on one connection is asked one by one, and hundreds are too many', async (t) => {
  let [now, most] = [0, 0]
  const slow: RequestListener = (_incoming, response) => {
    most = Math.max(most, ++now)
    setTimeout(() => {
      now--
      response.end('{}')
    }, 20)
  }
  const { fleet } = await two(t, [slow, slow])
  const { url } = await startEdge(t, fleet, { probeTimes })
  const ahead = `${`${ask}\r\n`.repeat(7)}${ask}connection: close\r\n\r\n`
  assert.equal(answersIn(await rawExchange(url, ahead)), 8)
  assert.equal(most, 1)
  assert.ok(answersIn(await rawExchange(url, `${ask}\r\n`.repeat(500))) < 100)
})
