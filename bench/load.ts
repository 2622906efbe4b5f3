import { randomBytes } from 'node:crypto'
import { callHeader, callSigner } from '#ports/http'
import { httpLoad } from './http-load.ts'

// A process of its own that places orders, each with a new key, and prints its figures as JSON.
const [target = '', connections = '256', seconds = '3', isbnList = ''] = process.argv.slice(2)
const { host } = new URL(target)
const isbns = isbnList.split(',')
const run = randomBytes(6).toString('hex')
/** A service takes orders from a gateway alone; a gateway has no use for this. */
const signer = callSigner(process.env.OCTAVO_SECRET ?? '')
let sent = 0

function nextRequest(): string {
  const isbn = isbns[sent % isbns.length]
  const body = `{"customer":{"name":"Ada Byron","email":"ada@example.org"},"lines":[{"isbn":"${isbn}","quantity":1}]}`
  const key = `${run}-${sent++}`
  return (
    `POST /api/orders HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
    `Idempotency-Key: ${key}\r\n${callHeader}: ${signer.pass('coordinator')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

console.log(JSON.stringify(await httpLoad(target, nextRequest, Number(connections), Number(seconds))))
