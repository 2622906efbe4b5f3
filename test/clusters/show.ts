import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stopSignal } from '../../src/process/stop-signal.ts'
import { enterClusterNetwork } from './enter.ts'
import { installStore, storeImages } from './install-store.ts'
import { startNode } from './node/start-node.ts'
import { openCluster } from './open-cluster.ts'
import { startServiceProxy } from './service-proxy.ts'
import { exitCodeOf, prepareTools } from './tools.ts'

/** Doors from the cluster's network to this machine's: sockets in the folder, ports on loopback. */
const doors = { api: { socket: 'api.sock', port: 16_443 }, shop: { socket: 'shop.sock', port: 18_080 } }
const clusterPort = 6_443

/**
 * `npm run cluster`: a control plane with three nodes and the store on it, until Ctrl-C.
 * @returns the exit code
 */
export async function main(args: string[]): Promise<number> {
  if (process.env.OCTAVO_CLUSTER_NETWORK === 'entered') return inside(args[0] ?? '')
  return await exitCodeOf(async () => {
    const tools = await prepareTools((text) => console.log(text))
    const folder = mkdtempSync(join(tmpdir(), 'octavo-cluster-doors-'))
    const servers = Object.values(doors).map(({ socket, port }) => openDoor(port, join(folder, socket)))
    console.log('Starting a control plane, three nodes and the store …')
    const child = enterClusterNetwork(process.execPath, [import.meta.filename, folder, tools.kubectl])
    // Whatever is inside ends with it; Ctrl-C reaches it from the terminal.
    stopSignal()
    const code = await new Promise<number>((resolve) => child.once('exit', (exit) => resolve(exit ?? 1)))
    for (const server of servers) server.close()
    rmSync(folder, { recursive: true, force: true })
    return code
  })
}

async function inside(folder: string): Promise<number> {
  const stop = stopSignal()
  await using scope = new AsyncDisposableStack()
  const ends = { after: (work: () => unknown) => scope.defer(async () => void (await work())) }
  const cluster = await openCluster(ends)
  for (const [index, name] of ['a', 'b', 'c'].entries())
    scope.use(
      await startNode({
        ...{ controlPlane: cluster.controlPlane, name, zone: `zone-${name}`, images: storeImages(['1.0.0']) },
        ...{ addresses: `10.244.${index + 1}`, folder: join(cluster.folder, name) },
      }),
    )
  scope.use(await startServiceProxy(cluster.controlPlane))
  const url = `url=http://localhost:${doors.shop.port}`
  const store = await installStore(ends, cluster, ['everyRole.replicas=2', 'demo=true', url])
  passOn(join(folder, doors.api.socket), '127.0.0.1', clusterPort)
  passOn(join(folder, doors.shop.socket), new URL(store.url).hostname, 80)
  const kubeconfig = join(folder, 'kubeconfig')
  const text = readFileSync(cluster.controlPlane.kubeconfig, 'utf8')
  writeFileSync(kubeconfig, text.replaceAll(`:${clusterPort}`, `:${doors.api.port}`), { mode: 0o600 })
  console.log(`The store is open at http://localhost:${doors.shop.port} (staff: ${store.staff.email}, ${store.staff.password}).
Look at it with kubectl, in another terminal:

  export KUBECONFIG=${kubeconfig}
  ${cluster.tools.kubectl} --namespace shop get pods --output wide
  ${cluster.tools.kubectl} --namespace shop scale deployment octavo-gateway --replicas 4

Ctrl-C ends all of it.`)
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  return 0
}

function openDoor(port: number, socket: string) {
  return createServer((client) => joinSockets(client, connect(socket))).listen(port, '127.0.0.1')
}

function passOn(socket: string, host: string, port: number): void {
  createServer((client) => joinSockets(client, connect(port, host)))
    .listen(socket)
    .unref()
}

function joinSockets(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', () => to.destroy())
    from.once('close', () => to.destroy())
    from.pipe(to)
  }
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)))
