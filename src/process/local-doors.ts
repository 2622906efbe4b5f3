import type { BundledAnswer, BundledRequest } from '#ports/http'

/** A role's door for whoever is in the same process: the same route, checked and answered alike, without a socket. */
export type LocalDoor = {
  /** @param path the route they are all for. @throws Problem 404 for one that is not here */
  answerAll(path: string, requests: readonly BundledRequest[]): Promise<BundledAnswer[]>
}

const doors = new Map<string, LocalDoor>()

/** Of the instance with this id, where it is in this process. */
export const localDoor = (instanceId: string): LocalDoor | undefined => doors.get(instanceId)

export const areDoorsLocal = (): boolean => doors.size > 0

/** Opens a door to others in this process; closing it waits for the answers under way. */
export function openLocalDoor(instanceId: string, door: LocalDoor): AsyncDisposable {
  const underWay = new Set<Promise<unknown>>()
  doors.set(instanceId, {
    answerAll(path, requests) {
      const answering = door.answerAll(path, requests)
      underWay.add(answering)
      return answering.finally(() => underWay.delete(answering))
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      doors.delete(instanceId)
      await Promise.allSettled(underWay)
    },
  }
}
