import { readFileSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { networkOf, plainAddress } from './address-ranges.ts'

export type ConnectionLimits = {
  /** Connections at once, of everybody. */
  max: number
  /** Of one client. */
  ofOneMax: number
  /** A client with no more than these never makes room for another. */
  ofOneMin: number
}

/** A browser has six, or one of HTTP/2; a school or an office behind one address has hundreds of readers. */
export const connectionLimits: ConnectionLimits = {
  max: Math.min(20_000, Math.max(256, descriptorsMax() - 2_048)),
  ofOneMax: 2_000,
  ofOneMin: 32,
}

/**
 * Keeps connections for everybody: one client gets so many and no more, and when all are taken the client with the most
 * loses its oldest one to a newcomer. What a connection may do while it is open is limited elsewhere.
 * @param isUnlimited whether a peer stands for many clients, such as a proxy before this gateway
 */
export function shareConnections(
  server: Server,
  isUnlimited: (address: string) => boolean,
  limits = connectionLimits,
): void {
  const clients = new Map<string, Set<Socket>>()
  let open = 0
  const add = (key: string, sockets: Set<Socket>, socket: Socket) => {
    clients.set(key, sockets)
    sockets.add(socket)
    open++
    socket.once('close', () => {
      open--
      sockets.delete(socket)
      if (sockets.size === 0) clients.delete(key)
    })
  }
  // Beyond its own limit the server would refuse a newcomer without looking at who it is.
  server.maxConnections = limits.max + 64
  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress ?? '')
    if (isUnlimited(address)) return
    const key = networkOf(address)
    const sockets = clients.get(key) ?? new Set()
    if (sockets.size >= limits.ofOneMax || (open >= limits.max && !makesRoom(clients, limits)))
      socket.destroy()
    else add(key, sockets, socket)
  })
}

/** @returns whether somebody had more than is fair, and has one less now */
function makesRoom(clients: ReadonlyMap<string, ReadonlySet<Socket>>, limits: ConnectionLimits): boolean {
  let most: ReadonlySet<Socket> | undefined
  for (const sockets of clients.values()) if (sockets.size > (most?.size ?? limits.ofOneMin)) most = sockets
  const [oldest] = most ?? []
  oldest?.destroy()
  return oldest !== undefined
}

/** Files and connections that this process may have open, of which its own work needs some. */
function descriptorsMax(): number {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return Number(limit ?? Number.POSITIVE_INFINITY)
  } catch {
    // Elsewhere than on Linux nobody says so; it is tens of thousands.
    return Number.POSITIVE_INFINITY
  }
}
