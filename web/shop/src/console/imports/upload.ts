import type { Import } from '#services/gateway'
import { search } from '../../api/client.ts'
import { ApiProblem, problemOf } from '../../api/problem.ts'
import { noteRefusal } from '../session.ts'

/** A catalogue of some hundred megabytes over a slow line. */
const uploadTimeoutMs = 15 * 60_000

/** For a file field's `accept`: all that the API takes, by name and by type. */
export const acceptedFiles = [
  ...['.csv', '.tsv', '.txt', '.xml', '.onix', '.onx', '.zip', '.gz'],
  ...['text/csv', 'text/tab-separated-values', 'text/plain', 'application/vnd.ms-excel'],
  ...['application/xml', 'text/xml', 'application/zip', 'application/gzip', 'application/octet-stream'],
].join()

export type ImportOptions = {
  price?: number
  currency?: string
  copies?: number
  stock?: 'set'
  covers?: 'fetch'
  /** `isbn=Column,title=Other`. */
  map?: string
  dryRun?: boolean
}

/**
 * Sends a catalogue file and tells how much of it has gone. (`fetch` cannot say that.)
 * @param onProgress gets the sent part, 0 to 1
 * @throws ApiProblem when the shop refuses the file or cannot be reached
 */
export async function uploadCatalogue(
  file: File,
  options: ImportOptions,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<Import> {
  try {
    return await send(file, options, onProgress, signal)
  } catch (error) {
    noteRefusal(error)
    throw error
  }
}

function send(
  file: File,
  options: ImportOptions,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<Import> {
  const { promise, resolve, reject } = Promise.withResolvers<Import>()
  const request = new XMLHttpRequest()
  request.open('POST', `/api/imports${search({ ...options, file: file.name.slice(0, 200) })}`)
  request.timeout = uploadTimeoutMs
  request.setRequestHeader('accept', 'application/json')
  request.setRequestHeader('content-type', contentTypeOf(file.name))
  request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 1)
  request.onload = () => {
    const response = new Response(request.responseText, {
      status: request.status,
      headers: headersOf(request),
    })
    if (response.ok) response.json().then(resolve, reject)
    else problemOf(response).then(reject, reject)
  }
  request.onerror = () => reject(ApiProblem.local('network'))
  request.ontimeout = () => reject(ApiProblem.local('timeout'))
  request.onabort = () => reject(signal.reason)
  signal.addEventListener('abort', () => request.abort(), { once: true })
  request.send(file)
  return promise
}

/** What the file is called says little: the shop looks at what is in it. */
const contentTypeOf = (name: string) =>
  /\.(csv|tsv|txt)$/i.test(name) ? 'text/csv' : 'application/octet-stream'

function headersOf(request: XMLHttpRequest): Headers {
  const headers = new Headers()
  for (const name of ['content-type', 'retry-after']) {
    const value = request.getResponseHeader(name)
    if (value) headers.set(name, value)
  }
  return headers
}
