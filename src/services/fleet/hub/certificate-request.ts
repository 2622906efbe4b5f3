import { createHash, createPublicKey } from 'node:crypto'

export type ReadRequest = { commonName: string; organisations: string[]; key: string; keyType: string }

type Element = { tag: number; content: Buffer; whole: Buffer }

const sequence = 0x30
const oids = { commonName: '550403', organisation: '55040a' }

/** One block and nothing else, for whoever signs it has to read the same: not another one, and no headers. Source: RFC 7468. */
const onePemBlock =
  /^-----BEGIN CERTIFICATE REQUEST-----\r?\n((?:[A-Za-z0-9+/]+={0,2}\r?\n)+)-----END CERTIFICATE REQUEST-----\s*$/

/**
 * Reads who a certificate request is for and with which key. Source: RFC 2986; DER as in ITU-T X.690.
 * @param pem base64 of a PEM block, as Kubernetes keeps it
 * @throws TypeError when it is none, or anything besides
 */
export function readCertificateRequest(pem: string): ReadRequest {
  const [, body] = onePemBlock.exec(Buffer.from(pem, 'base64').toString('latin1')) ?? []
  if (body === undefined) throw new TypeError('it is not one certificate request and nothing else')
  const [request, ...rest] = elements(Buffer.from(body, 'base64'))
  if (rest.length > 0) throw new TypeError('there is more behind the certificate request')
  const [information] = elements(contentOf(request))
  const [, subject, publicKey] = elements(contentOf(information))
  const spki = publicKey?.whole
  if (spki === undefined) throw new TypeError('there is no public key in it')
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const names = elements(contentOf(subject)).flatMap((set) => elements(set.content).map(attribute))
  const valuesOf = (oid: string) => names.flatMap((name) => (name.oid === oid ? [name.value] : []))
  const [commonName, ...more] = valuesOf(oids.commonName)
  if (commonName === undefined || more.length > 0) throw new TypeError('it should have one common name')
  return {
    commonName,
    organisations: valuesOf(oids.organisation),
    key: createHash('sha256').update(spki).digest('hex'),
    keyType: key.asymmetricKeyType ?? 'unknown',
  }
}

function attribute(element: Element): { oid: string; value: string } {
  const [oid, value] = elements(element.content)
  return { oid: oid?.content.toString('hex') ?? '', value: value?.content.toString('utf8') ?? '' }
}

function contentOf(element: Element | undefined): Buffer {
  if (element?.tag !== sequence) throw new TypeError('it is not laid out as a certificate request')
  return element.content
}

/** The elements of DER, one after the other. @throws TypeError when one is longer than what there is */
function elements(bytes: Buffer): Element[] {
  const found: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    const tag = bytes[at++] ?? 0
    let length = bytes[at++] ?? 0
    if (length >= 0x80) {
      const lengthBytes = length & 0x7f
      if (lengthBytes < 1 || lengthBytes > 3) throw new TypeError('it has an element of no known length')
      length = bytes.readUIntBE(at, lengthBytes)
      at += lengthBytes
    }
    if (at + length > bytes.length) throw new TypeError('it is cut off')
    found.push({ tag, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) })
    at += length
  }
  return found
}
