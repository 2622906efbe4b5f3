import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { until } from '../../../test/support/until.ts'
import { connectionLimits, shareConnections } from './connections.ts'

type Peer = { socket: Socket; isOpen: boolean }

async function start(t: TestContext, limits = connectionLimits, isUnlimited = (_: string) => false) {
  const [server, accepted] = [createServer(), new Set<Socket>()]
  shareConnections(server, isUnlimited, limits)
  server.on('connection', (socket) => {
    socket.on('error', () => {})
    if (socket.destroyed) return
    accepted.add(socket)
    socket.on('close', () => accepted.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of accepted) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const open = async (from: string): Promise<Peer> => {
    const before = accepted.size
    const peer: Peer = { socket: connect({ host: '127.0.0.1', port, localAddress: from }), isOpen: true }
    t.after(() => peer.socket.destroy())
    peer.socket.on('error', () => {})
    peer.socket.on('close', () => {
      peer.isOpen = false
    })
    await once(peer.socket, 'connect')
    await until(() => !peer.isOpen || accepted.size > before || accepted.size === limits.max)
    return peer
  }
  return { open, accepted }
}

test('one client gets so many connections and no more, and the others theirs', async (t) => {
  const { open, accepted } = await start(t, { max: 100, ofOneMax: 3, ofOneMin: 1 })
  const greedy: Peer[] = []
  for (let i = 0; i < 5; i++) greedy.push(await open('127.0.0.2'))
  await until(() => greedy.filter(({ isOpen }) => isOpen).length === 3)
  assert.ok((await open('127.0.0.3')).isOpen)
  greedy[0]?.socket.destroy()
  await until(() => accepted.size === 3)
  assert.ok((await open('127.0.0.2')).isOpen)
})

test('when all connections are taken, the client with the most makes room', async (t) => {
  const { open, accepted } = await start(t, { max: 6, ofOneMax: 5, ofOneMin: 2 })
  const greedy: Peer[] = []
  for (let i = 0; i < 5; i++) greedy.push(await open('127.0.0.2'))
  const modest = await open('127.0.0.3')
  const other = await open('127.0.0.4')
  await until(() => greedy[0]?.isOpen === false, 'its oldest one goes')
  await until(() => accepted.size === 6)
  assert.deepEqual([modest.isOpen, other.isOpen, greedy[1]?.isOpen], [true, true, true])
})

test('whoever stands for many clients is not counted', async (t) => {
  const { open } = await start(
    t,
    { max: 100, ofOneMax: 2, ofOneMin: 1 },
    (address) => address === '127.0.0.2',
  )
  const peers: Peer[] = []
  for (let i = 0; i < 6; i++) peers.push(await open('127.0.0.2'))
  assert.ok(peers.every(({ isOpen }) => isOpen))
})
