import { existsSync, readFileSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FleetPicture, readPicture, usualWeight } from '#kernel/fleet-picture'
import { type Clock, every } from '#ports/clock'
import { followNamed, type Metadata } from '#ports/kubernetes'
import { logger } from '#ports/log'
import type { FleetObject } from './fleet-view.ts'

const log = logger('edge')
const readEveryMs = 500
const fleetGroup = '/apis/fleet.octavo.example/v1'

type Tell = (picture: FleetPicture) => void
type TellFleet = (fleet: FleetObject) => void

/**
 * Follows the picture at a URL: `static:a=http://host:port;b=…` (equal shares), `file:///path` (JSON, read again when it
 * changes) or `kubernetes://host:port/namespace/name` (the status of a BookstoreFleet on the hub).
 * @throws TypeError when the URL names no source or cannot be read
 */
export async function followPicture(
  url: string,
  clock: Clock,
  tell: Tell,
  tellFleet: TellFleet = () => {},
): Promise<AsyncDisposable> {
  if (url.startsWith('static:')) {
    tell(readStatic(url.slice('static:'.length)))
    return { async [Symbol.asyncDispose]() {} }
  }
  if (url.startsWith('file:')) return followFile(fileURLToPath(url), clock, tell)
  if (url.startsWith('kubernetes:')) return followFleet(url, clock, tell, tellFleet)
  throw new TypeError(`OCTAVO_FLEET is "${url}"; it should begin with static:, file: or kubernetes:`)
}

/** @throws TypeError when an entry is not `name=url` */
function readStatic(text: string): FleetPicture {
  const entries = text.split(';').filter((entry) => entry.trim() !== '')
  const clusters = entries.map((entry) => {
    const [, name, url] = /^\s*([^=]+)=(.+?)\/?\s*$/.exec(entry) ?? []
    return { name, url, weight: usualWeight, takesWrites: true }
  })
  return readPicture({ revision: 0, epoch: 0, clusters })
}

function followFile(path: string, clock: Clock, tell: Tell): AsyncDisposable {
  let last = ''
  const look = async () => {
    // A file that is away or being replaced is read again; until then the last picture stands.
    const text = await readFile(path, 'utf8').catch(() => last)
    if (text === last) return
    last = text
    tellIfRead(() => JSON.parse(text), tell)
  }
  return every(clock, readEveryMs, look, { atOnce: true })
}

type Fleet = FleetObject & { metadata: Metadata }

async function followFleet(
  url: string,
  clock: Clock,
  tell: Tell,
  tellFleet: TellFleet,
): Promise<AsyncDisposable> {
  // A fleet that is gone says nothing of its clusters: they go on selling.
  return await followNamed<Fleet>(url, {
    ...{ group: fleetGroup, resource: 'bookstorefleets', usualName: 'store', clock },
    changed(fleet) {
      const { status } = fleet
      tellFleet(fleet)
      if (status?.picture !== undefined) tellIfRead(() => status.picture, tell)
    },
  })
}

/** A picture that cannot be read is not followed: the last good one stands. */
function tellIfRead(read: () => unknown, tell: Tell): void {
  let picture: FleetPicture
  try {
    picture = readPicture(read())
  } catch (error) {
    log.warn('a picture of the fleet is not followed', { error })
    return
  }
  tell(picture)
}

/** The last good picture, for a start while the hub is away. */
export function lastPicture(path: string): FleetPicture | undefined {
  try {
    return readPicture(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    // At the first start there is none.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn('the last picture of the fleet cannot be read', { path, error })
    return undefined
  }
}

export type KeptPictures = AsyncDisposable & {
  keep(picture: FleetPicture): void
  /** Of the last picture that no start falls behind: an edge that says it follows one sends nothing by one before, ever. */
  readonly revision: number
}

/** Keeps each picture, one after the other; what is on its way when it ends is kept too. */
export function keepPictures(path: string, revision = 0): KeptPictures {
  let last = Promise.resolve()
  const kept = {
    revision,
    keep(picture: FleetPicture) {
      last = last
        .then(() => keepPicture(path, picture))
        .catch(async (error: unknown) => {
          log.warn('the picture of the fleet cannot be kept', { path, error })
          await forget(path)
        })
        .then(() => {
          kept.revision = picture.revision
        })
        .catch((error: unknown) =>
          log.error('an old picture of the fleet cannot be removed; the fleet waits for this edge', {
            ...{ path, error },
          }),
        )
    },
    [Symbol.asyncDispose]: () => last,
  }
  return kept
}

async function keepPicture(path: string, picture: FleetPicture): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify(picture), { flush: true })
  await rename(`${path}.new`, path)
  await using opened = await open(folder)
  await opened.sync()
}

/** A start finds none rather than an old one. */
async function forget(path: string): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (error) {
    // Where nothing can be written there may never have been one.
    if (existsSync(path)) throw error
  }
}
