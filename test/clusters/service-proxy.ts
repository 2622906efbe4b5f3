import { connect, createServer, type Server, type Socket } from 'node:net'
import { systemClock } from '#ports/clock'
import { follow, type Metadata } from '#ports/kubernetes'
import type { EndpointSlice } from '../../src/ports/discovery/kubernetes.ts'
import type { ControlPlane } from './control-plane.ts'

type Service = {
  metadata: Metadata & { namespace: string }
  spec: {
    clusterIP?: string
    ports?: readonly { name?: string; port: number; targetPort?: number | string; protocol?: string }[]
  }
}

export type ServiceProxy = AsyncDisposable & {
  /** Whether a Service's address is served now, by somebody who is ready. */
  isServed(namespace: string, service: string): boolean
}

/**
 * What kube-proxy does, in one process: each Service's address and port lead to one of its ready endpoints, or where
 * there is none to one that ends and still serves. A connection, once made, stays where it is.
 */
export async function startServiceProxy(controlPlane: ControlPlane): Promise<ServiceProxy> {
  const stop = new AbortController()
  const services = new Map<string, Service>()
  const slices = new Map<string, EndpointSlice>()
  const servers = new Map<string, Server>()
  const sockets = new Set<Socket>()
  const api = await controlPlane.apiFor('service-proxy', '/CN=system:kube-proxy')

  const targets = ({ metadata }: Service, portName: string) => {
    const own = [...slices.values()].filter(
      (slice) =>
        slice.metadata.namespace === metadata.namespace &&
        slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
    )
    const all = own.flatMap((slice) => {
      const port = slice.ports?.find((each) => (each.name ?? '') === portName)?.port
      return (slice.endpoints ?? []).map(({ addresses, conditions }) => ({
        host: addresses[0],
        port,
        conditions,
      }))
    })
    const ready = all.filter(({ conditions }) => conditions?.ready !== false)
    return ready.length > 0 ? ready : all.filter(({ conditions }) => conditions?.serving === true)
  }
  const pass = (client: Socket, service: Service, portName: string, tries: number) => {
    const candidates = targets(service, portName)
    const target = candidates[Math.floor(Math.random() * candidates.length)]
    if (target?.host === undefined || target.port === undefined) return void client.resetAndDestroy()
    const server = connect({ host: target.host, port: target.port })
    sockets.add(server)
    const close = () => {
      sockets.delete(server)
      client.destroy()
    }
    // A packet filter would have the client try again; one that nobody took is tried on another here.
    server.once('error', () =>
      tries > 0 && !server.bytesWritten ? pass(client, service, portName, tries - 1) : close(),
    )
    server.once('connect', () => {
      client.pipe(server)
      server.pipe(client)
      server.once('close', close)
      client.once('close', () => server.destroy())
    })
  }
  const serve = (service: Service) => {
    const { clusterIP } = service.spec
    if (!clusterIP || clusterIP === 'None') return
    for (const { name = '', port } of service.spec.ports ?? []) {
      const key = `${clusterIP}:${port}`
      if (servers.has(key)) continue
      const server = createServer((client) => {
        sockets.add(client)
        client.on('error', () => {})
        client.once('close', () => sockets.delete(client))
        pass(client, service, name, 2)
      })
      server.on('error', () => servers.delete(key))
      server.listen({ host: clusterIP, port })
      servers.set(key, server)
    }
  }
  const unserve = ({ spec }: Service) => {
    for (const { port } of spec.ports ?? []) {
      servers.get(`${spec.clusterIP}:${port}`)?.close()
      servers.delete(`${spec.clusterIP}:${port}`)
    }
  }
  const keyOf = ({ metadata }: { metadata: Metadata }) => `${metadata.namespace}/${metadata.name}`
  const following = [
    follow<Service>(
      api,
      '/api/v1/services',
      {
        replace(all) {
          for (const service of services.values())
            if (!all.some((each) => keyOf(each) === keyOf(service))) unserve(service)
          services.clear()
          for (const service of all) {
            services.set(keyOf(service), service)
            serve(service)
          }
        },
        changed(service) {
          services.set(keyOf(service), service)
          serve(service)
        },
        gone(service) {
          services.delete(keyOf(service))
          unserve(service)
        },
      },
      systemClock,
      stop.signal,
    ),
    follow<EndpointSlice>(
      api,
      '/apis/discovery.k8s.io/v1/endpointslices',
      {
        replace(all) {
          slices.clear()
          for (const slice of all) slices.set(keyOf(slice), slice)
        },
        changed: (slice) => void slices.set(keyOf(slice), slice),
        gone: (slice) => void slices.delete(keyOf(slice)),
      },
      systemClock,
      stop.signal,
    ),
  ]
  return {
    isServed(namespace, name) {
      const service = services.get(`${namespace}/${name}`)
      const [port] = service?.spec.ports ?? []
      return service !== undefined && port !== undefined && targets(service, port.name ?? '').length > 0
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all(following)
      for (const server of servers.values()) server.close()
      for (const socket of sockets) socket.destroy()
      await api[Symbol.asyncDispose]()
    },
  }
}
