/**
 * What an edge is told of the clusters behind it: where each is, how much of the traffic it should get, and which take
 * what changes something. The fleet's controller writes it, edges follow it and keep the last one.
 */
export type FleetPicture = {
  /** Rises with every change. */
  readonly revision: number
  /** Of the primary of OrderDb: rises with every move of it to another cluster. */
  readonly epoch: number
  readonly clusters: readonly PicturedCluster[]
}

export type PicturedCluster = {
  readonly name: string
  /** Of its gateway. */
  readonly url: string
  /** Its share of the traffic, beside the weights of the others; 0 sends it nothing new. */
  readonly weight: number
  /** Whether it may be sent what changes something. */
  readonly takesWrites: boolean
}

/** Which turn of OrderDb's primary whoever sent this goes by; on a refusal, whoever refuses it. */
export const epochHeader = 'x-octavo-epoch'

/** A turn's number as a file or a header has it; undefined for what is none. */
export function readEpoch(text: string | undefined): number | undefined {
  const found = /^\s*(\d{1,15})\s*$/.exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

const clustersMax = 1_000
const weightMax = 1_000
/** What a cluster gets that nobody has said anything else about. */
export const usualWeight = 100

export const noPicture: FleetPicture = { revision: 0, epoch: 0, clusters: [] }

/**
 * Checks a picture that came from outside, so that a broken one is never followed.
 * @throws TypeError naming what is wrong
 */
export function readPicture(value: unknown): FleetPicture {
  const { revision, epoch, clusters } = recordOf(value, 'the picture')
  if (!Array.isArray(clusters) || clusters.length > clustersMax)
    throw new TypeError(`clusters should be a list of at most ${clustersMax}`)
  const read = clusters.map(readCluster)
  const names = new Set(read.map(({ name }) => name))
  if (names.size < read.length) throw new TypeError('two clusters have one name')
  return {
    revision: wholeNumber(revision, 'revision', Number.MAX_SAFE_INTEGER),
    epoch: wholeNumber(epoch, 'epoch', Number.MAX_SAFE_INTEGER),
    clusters: read,
  }
}

function readCluster(value: unknown): PicturedCluster {
  const { name, url, weight, takesWrites } = recordOf(value, 'a cluster')
  if (typeof name !== 'string' || !isClusterName(name))
    throw new TypeError(`"${name}" is no name of a cluster`)
  if (typeof url !== 'string' || !isOrigin(url))
    throw new TypeError(`the url of ${name} should be http://host:port or https://host:port`)
  if (typeof takesWrites !== 'boolean') throw new TypeError(`takesWrites of ${name} should be true or false`)
  return { name, url, weight: wholeNumber(weight, `the weight of ${name}`, weightMax), takesWrites }
}

/** As a namespace is named, for it has one of that name on the hub. Source: RFC 1123. */
export const isClusterName = (text: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)

export function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${what} should be an object`)
  return value as Record<string, unknown>
}

function wholeNumber(value: unknown, what: string, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > max)
    throw new TypeError(`${what} should be a whole number up to ${max}`)
  return value as number
}
